"""Documents of each group in order, and the turns the groups take."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from tasks.corpus.workers.chunks import DocumentBatch, TokenizedChunk
from tasks.corpus.workers.prefetch import Prefetcher
from tasks.corpus.workers.work_items import Cursor, Group, WorkItem
from tasks.corpus.write.counts import GroupCounts


@dataclass(frozen=True)
class SampledDocument:
    """A document from a chunk.

    Args:
        name: Its id in the source.
        line: As JSON, with its end of line.
        ids: (n_tokens,) uint32, or None if transformers' tokenizer must make them.
        day: Its date.
        found: What the scan found.
        signature: (n_bands,) uint64 for near-duplicates, or None.
    """

    name: str
    line: bytes
    ids: np.ndarray | None
    day: date
    found: Sequence[str]
    signature: np.ndarray | None

    @property
    def text(self) -> str:
        """Its text, parsed from the line."""
        text: str = json.loads(self.line)["text"]
        return text


class GroupStream:
    """A group's documents in the order in which they are drawn.

    Args:
        group: The group.
        cursor: Its position, updated with every document.
        prefetcher: Returns chunks.
        counts: Updated when a work item is opened.
    """

    def __init__(self, group: Group, cursor: Cursor, prefetcher: Prefetcher, counts: GroupCounts) -> None:
        self.group, self.cursor, self._prefetcher, self._counts = group, cursor, prefetcher, counts
        self.finished: list[Path] = []
        """Files of chunks drawn to their end; they may be removed once the position is saved."""
        prefetcher.start_at(group.index, max(cursor.number, 0))
        self._documents = self._draw()

    @property
    def fullness(self) -> float:
        """Fraction of the quota that was given."""
        return self.cursor.given / self.group.quota

    def next(self) -> SampledDocument | None:
        """The next document, or None past the last."""
        return next(self._documents, None)

    def _draw(self) -> Iterator[SampledDocument]:
        cursor = self.cursor
        # A work item that was open when the cursor was saved has been counted.
        is_new = cursor.number < 0
        cursor.number = max(cursor.number, 0)
        while opened := self._prefetcher.get(self.group.index, cursor.number):
            item, chunk = opened
            if is_new:
                self._counts.add_chunk(item.path, chunk)
                cursor.n_drawn = 0
            for document in self._documents_of(item, chunk):
                cursor.n_drawn += 1
                yield document
            self.finished.append(chunk.file)
            cursor.number, is_new = cursor.number + 1, True

    def _documents_of(self, item: WorkItem, chunk: TokenizedChunk) -> Iterator[SampledDocument]:
        try:
            yield from _chunk_documents(chunk, self.cursor.n_drawn)
        except BadZipFile:
            chunk.close()
            yield from _chunk_documents(self._prefetcher.rebuild(item), self.cursor.n_drawn)


def take_turns(streams: Sequence[GroupStream]) -> Iterator[tuple[GroupStream, SampledDocument | None]]:
    """Draw the next document of the least full group until every quota is filled.

    Groups take turns, so that no dump is trained on as one block after another. The caller adds a document's tokens to
    its stream's cursor before it asks for the next one.

    Yields:
        A stream and its next document, or None if it has none left.
    """
    turns = [(stream.fullness, index) for index, stream in enumerate(streams)]
    turns = [turn for turn in turns if turn[0] < 1]
    heapify(turns)
    while turns:
        fullness_before, index = turns[0]
        yield streams[index], streams[index].next()
        if (fullness := streams[index].fullness) >= 1:
            heappop(turns)
        elif fullness != fullness_before:
            heapreplace(turns, (fullness, index))


def _chunk_documents(chunk: TokenizedChunk, n_skipped: int) -> Iterator[SampledDocument]:
    for batch in chunk.batches():
        if n_skipped >= len(batch):
            n_skipped -= len(batch)
            continue
        yield from _batch_documents(batch, n_skipped)
        n_skipped = 0


def _batch_documents(batch: DocumentBatch, first: int) -> Iterator[SampledDocument]:
    line_ends, id_ends = batch.line_ends.tolist(), batch.id_ends.tolist()
    days, unsure = batch.days.tolist(), batch.unsure.tolist()
    signatures: Any = batch.signatures
    for index in range(first, len(batch)):
        lines = slice(line_ends[index - 1] if index else 0, line_ends[index])
        ids = slice(id_ends[index - 1] if index else 0, id_ends[index])
        yield SampledDocument(
            batch.names[index],
            batch.lines[lines],
            None if unsure[index] else batch.ids[ids],
            date.fromordinal(days[index]),
            batch.found.get(index, ()),
            None if signatures is None else signatures[index],
        )
