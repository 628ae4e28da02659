"""The assembler: takes documents from the stratum that has given least, until each has given its quota."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from tasks.corpus.workers.chunks import Part, Piece
from tasks.corpus.workers.cursor import Cursor
from tasks.corpus.workers.prefetch import Supply
from tasks.corpus.workers.work_items import Stratum
from tasks.corpus.write.counts import Census


@dataclass(frozen=True)
class Drawn:
    """A document as it comes out of a piece.

    Args:
        name: Its id in the source.
        line: As JSON, with its end of line.
        ids: (n_tokens,) uint32, or None where only transformers' tokenizer can be trusted.
        day: Its date.
        found: What the scan found.
        signature: For near-duplicates, or None.
    """

    name: str
    line: bytes
    ids: np.ndarray | None
    day: date
    found: Sequence[str]
    signature: np.ndarray | None

    @property
    def text(self) -> str:
        """Its text, read from the line."""
        text: str = json.loads(self.line)["text"]
        return text


class Stream:
    """A stratum's documents in the order in which they are drawn.

    Args:
        stratum: Which.
        cursor: Where it stands, moved with every document.
        supply: Gives pieces.
        census: Counts units when they are opened.
    """

    def __init__(self, stratum: Stratum, cursor: Cursor, supply: Supply, census: Census) -> None:
        self.stratum, self.cursor, self._supply, self._census = stratum, cursor, supply, census
        self.done: list[Path] = []
        """Files of pieces that were drawn to their end; they may go once that is written down."""
        supply.start(stratum.index, max(cursor.number, 0))
        self._documents = self._draw()

    def next(self) -> Drawn | None:
        """The next document, or None past the last."""
        return next(self._documents, None)

    def _draw(self) -> Iterator[Drawn]:
        cursor, index = self.cursor, self.stratum.index
        # A unit that was open when the cursor was saved has been counted.
        is_new = cursor.number < 0
        cursor.number = max(cursor.number, 0)
        while opened := self._supply.piece(index, cursor.number):
            unit, piece = opened
            if is_new:
                self._census.dumps[index].opened(unit, piece.summary)
                cursor.n_drawn = 0
            for drawn in self._documents_of(piece):
                cursor.n_drawn += 1
                yield drawn
            self.done.append(piece.file)
            cursor.number, is_new = cursor.number + 1, True

    def _documents_of(self, piece: Piece) -> Iterator[Drawn]:
        try:
            yield from _from(piece, self.cursor.n_drawn)
        except BadZipFile:
            piece.close()
            yield from _from(self._supply.again(self.stratum.index, self.cursor.number), self.cursor.n_drawn)


def in_turn(streams: Sequence[Stream]) -> Iterator[tuple[Stream, Drawn | None]]:
    """The next document of the stratum that has given least of its quota, until each has given it.

    Strata take turns, so that no dump is trained after another as a block. What a document gives is for the caller to
    add to its stream's cursor before the next one is asked for.

    Yields:
        A stream and its next document, None where it has none left.
    """
    turns = [(_fullness(stream), place) for place, stream in enumerate(streams)]
    turns = [turn for turn in turns if turn[0] < 1]
    heapify(turns)
    while turns:
        place = turns[0][1]
        yield streams[place], streams[place].next()
        if (fullness := _fullness(streams[place])) >= 1:
            heappop(turns)
        elif fullness != turns[0][0]:
            heapreplace(turns, (fullness, place))


def _fullness(stream: Stream) -> float:
    return stream.cursor.given / stream.stratum.quota


def _from(piece: Piece, n_drawn: int) -> Iterator[Drawn]:
    """A piece's documents but for the first `n_drawn`."""
    for part in piece.parts():
        if n_drawn >= len(part):
            n_drawn -= len(part)
            continue
        yield from _documents(part, n_drawn)
        n_drawn = 0


def _documents(part: Part, first: int) -> Iterator[Drawn]:
    line_ends, id_ends = part.line_ends.tolist(), part.id_ends.tolist()
    days, unsure = part.days.tolist(), part.unsure.tolist()
    signatures: Any = part.signatures
    for place in range(first, len(part)):
        lines = slice(line_ends[place - 1] if place else 0, line_ends[place])
        ids = slice(id_ends[place - 1] if place else 0, id_ends[place])
        yield Drawn(
            part.names[place],
            part.lines[lines],
            None if unsure[place] else part.ids[ids],
            date.fromordinal(days[place]),
            part.found.get(place, ()),
            None if signatures is None else signatures[place],
        )
