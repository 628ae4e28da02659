"""Tokenized chunks: one work item's documents, clipped and tokenized, in a file until the sampler has drawn them."""

import json
import os
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from tasks.corpus.filters.clip import ClipCounts
from tasks.corpus.workers.work_items import WorkItem
from tasks.schemas.artifacts import Document

HEADER = "header.json"
ARRAYS = ("line_ends", "ids", "id_ends", "days", "unsure")


@dataclass(frozen=True)
class DocumentBatch:
    """Some documents of a chunk, few enough that memory can hold a batch of every group.

    Args:
        names: (n_documents,) their ids in the source.
        lines: The documents as UTF-8 lines of JSON, concatenated.
        line_ends: (n_documents,) end of each line in `lines`.
        ids: (n_tokens,) uint32 token ids, concatenated.
        id_ends: (n_documents,) end of each document's ids in `ids`.
        days: (n_documents,) ordinals of their dates.
        unsure: (n_documents,) whether transformers' tokenizer must make the ids; `ids` holds none of such a document.
        found: What the scan found, by index of the document.
        signatures: (n_documents, n_bands) uint64 for near-duplicates, or None.
    """

    names: Sequence[str]
    lines: bytes
    line_ends: np.ndarray
    ids: np.ndarray
    id_ends: np.ndarray
    days: np.ndarray
    unsure: np.ndarray
    found: dict[int, list[str]] = field(default_factory=dict)
    signatures: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.line_ends)


def make_batch(
    documents: Sequence[Document],
    ids: Sequence[np.ndarray | None],
    found: dict[int, list[str]],
    signatures: np.ndarray | None,
) -> DocumentBatch:
    """Concatenate documents; fields as in `DocumentBatch`, `ids` is None for an unsure document."""
    lines = [f"{document.model_dump_json()}\n".encode() for document in documents]
    none = np.empty(0, np.uint32)
    known = [none if own is None else own for own in ids]
    return DocumentBatch(
        names=[document.id for document in documents],
        lines=b"".join(lines),
        line_ends=np.cumsum([len(line) for line in lines], dtype=np.int64),
        ids=np.concatenate([none, *known]),
        id_ends=np.cumsum([len(own) for own in known], dtype=np.int64),
        days=np.array([document.date.toordinal() for document in documents], np.int32),
        unsure=np.array([own is None for own in ids], bool),
        found=found,
        signatures=signatures,
    )


class ChunkWriter:
    """Writes a chunk batch by batch. Without its header, which is written last, it cannot be read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED)
        self.n_batches = self.n_tokens = 0

    def add(self, batch: DocumentBatch) -> None:
        """Write a batch."""
        arrays = {name: getattr(batch, name) for name in ARRAYS}
        if batch.signatures is not None:
            arrays["signatures"] = batch.signatures
        for name, content in arrays.items():
            with self._archive.open(f"{self.n_batches}/{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, content, allow_pickle=False)
        self._archive.writestr(f"{self.n_batches}/lines.jsonl", batch.lines)
        self._archive.writestr(f"{self.n_batches}/found.json", json.dumps([batch.names, batch.found]))
        self.n_batches += 1
        self.n_tokens += len(batch.ids)

    def abandon(self) -> None:
        """End a chunk that cannot be finished."""
        # Otherwise the archive would write its directory into the stream when it is garbage-collected.
        self._archive.close()

    def close(self, counts: ClipCounts, corrupt: str = "") -> None:
        """Write the header.

        Args:
            counts: What was read and dropped.
            corrupt: Why the file cannot be read, if such files are only counted.
        """
        header = {
            "n_read": counts.n_read,
            "dropped": counts.dropped,
            "days": [day and day.toordinal() for day in (counts.first_day, counts.last_day)],
            "n_batches": self.n_batches,
            "n_tokens": self.n_tokens,
            "corrupt": corrupt,
        }
        self._archive.writestr(HEADER, json.dumps(header))
        self._archive.close()


class TokenizedChunk:
    """A chunk opened for reading. The archive's checksums detect damage.

    Attributes:
        counts: What was read and dropped.
        n_tokens: In all batches.
        corrupt: Why the file could not be read, else empty.

    Raises:
        zipfile.BadZipFile: If it is damaged.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._archive = zipfile.ZipFile(file)
        try:
            header = json.loads(self._archive.read(HEADER))
        except BaseException:
            self._archive.close()
            raise
        first, last = (day and date.fromordinal(day) for day in header["days"])
        self.counts = ClipCounts(header["n_read"], Counter(header["dropped"]), first, last)
        self.n_tokens: int = header["n_tokens"]
        self.corrupt: str = header["corrupt"]
        self._n_batches: int = header["n_batches"]

    def batches(self) -> Iterator[DocumentBatch]:
        """Read the batches one at a time; the file is closed after the last."""
        names = set(self._archive.namelist())
        for number in range(self._n_batches):
            document_ids, found = json.loads(self._archive.read(f"{number}/found.json"))
            has_signatures = f"{number}/signatures.npy" in names
            yield DocumentBatch(
                names=document_ids,
                lines=self._archive.read(f"{number}/lines.jsonl"),
                **{name: self._array(number, name) for name in ARRAYS},
                found={int(index): mentions for index, mentions in found.items()},
                signatures=self._array(number, "signatures") if has_signatures else None,
            )
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def _array(self, number: int, name: str) -> Any:
        content = self._archive.read(f"{number}/{name}.npy")
        return np.lib.format.read_array(BytesIO(content), allow_pickle=False)


def chunk_file(chunks_dir: Path, item: WorkItem) -> Path:
    """Where a work item's chunk is."""
    return chunks_dir / f"{item.name}.chunk"


def store_chunk(file: Path, content: bytes) -> None:
    """Write a chunk that came as bytes from another machine."""
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(file)
