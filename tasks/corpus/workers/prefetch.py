"""Pieces as the assembler asks for them, read ahead only as far as its demand can be foreseen."""

import logging
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path

from tasks.corpus.errors import CorpusError, WorkerLost
from tasks.corpus.workers.chunks import Piece, store_piece
from tasks.corpus.workers.cursor import Cursor
from tasks.corpus.workers.executors import Pool, lost
from tasks.corpus.workers.work_items import Stratum, Unit
from tasks.corpus.workers.worker import Job, piece_file

log = logging.getLogger(__name__)

TOKENS_PER_ROW = 600
"""Of a dump that nothing was read of yet; FineWeb's mean is 671."""
AHEAD_PER_WORKER = 4
Key = tuple[int, int]


class Supply:
    """Hands out units and gives their pieces.

    A stratum is read ahead until what it has given and what is under way are expected to fill its quota; of several the
    one that is least full comes first, as the assembler draws them.

    Args:
        pool: Who reads.
        job: What workers must know.
        strata: All of them.
        cursors: Where each stands, kept up to date by the assembler.
        pieces: Folder of pieces; those of an earlier start are used.
    """

    def __init__(
        self, pool: Pool, job: Job, strata: Sequence[Stratum], cursors: Sequence[Cursor], pieces: Path
    ) -> None:
        self._pool, self._job, self._strata, self._cursors, self._pieces = pool, job, strata, cursors, pieces
        self._under_way: dict[Future[bytes | None], Unit] = {}
        self._ahead: dict[Key, float] = {}
        """Expected tokens of units that are handed out and not opened yet."""
        self._next = [0] * len(strata)
        self._full_at = [0.0] * len(strata)
        """What a stratum will have given when its open unit is drawn."""
        self._seen: list[list[int]] = [[] for _ in strata]
        self._ended = [False] * len(strata)
        self._failed: dict[Unit, Exception] = {}
        self._no_more: dict[int, CorpusError] = {}
        """Why a stratum's next unit is not known."""

    def start(self, stratum: int, number: int) -> None:
        """Begin a stratum at a later unit, as on a resume."""
        self._next[stratum] = number

    def piece(self, stratum: int, number: int) -> tuple[Unit, Piece] | None:
        """A unit and its piece, as soon as it is there; None past the last unit.

        Raises:
            CorpusError: What its worker raised.
            WorkerLost: If a worker process ended.
        """
        unit = self._strata[stratum].unit(number)
        if unit is None:
            if error := self._no_more.get(stratum):
                raise error
            return None
        if (stratum, number) not in self._ahead:
            self._hand_out(unit)
        self._read_ahead()
        piece = self._opened(unit)
        del self._ahead[stratum, number]
        self._full_at[stratum] = self._cursors[stratum].given + piece.summary.n_tokens
        self._seen[stratum].append(piece.summary.n_tokens)
        return unit, piece

    def again(self, stratum: int, number: int) -> Piece:
        """The piece of a unit whose piece was found damaged, made anew.

        Raises:
            BadZipFile: If it is damaged as well.
        """
        unit = self._strata[stratum].unit(number)
        if unit is None:
            raise IndexError(f"stratum {stratum} has no unit {number}")
        self._make_anew(unit)
        return Piece(piece_file(self._pieces, unit))

    def _opened(self, unit: Unit) -> Piece:
        self._await(unit)
        try:
            return Piece(piece_file(self._pieces, unit))
        except zipfile.BadZipFile:
            self._make_anew(unit)
            return Piece(piece_file(self._pieces, unit))

    def _make_anew(self, unit: Unit) -> None:
        file = piece_file(self._pieces, unit)
        log.warning("corpus: the piece %s of %s is damaged; its documents are read again", file.name, unit.path)
        file.unlink(missing_ok=True)
        self._submit(unit)
        self._await(unit)

    def _await(self, unit: Unit) -> None:
        while unit in self._under_way.values():
            self._collect()
            self._read_ahead()
        if error := self._failed.pop(unit, None):
            with _named(unit):
                raise error

    def _read_ahead(self) -> None:
        n_workers = self._pool.n_workers
        limit = len(self._strata) + AHEAD_PER_WORKER * n_workers
        while n_workers and len(self._under_way) < n_workers + 1 and len(self._ahead) < limit:
            fullness = {stratum.index: self._fullness(stratum) for stratum in self._strata}
            wanted = [index for index, full in fullness.items() if full < 1 and not self._ended[index]]
            if not wanted:
                return
            index = min(wanted, key=fullness.__getitem__)
            try:
                unit = self._strata[index].unit(self._next[index])
            except CorpusError as error:
                # Raised when that unit is asked for, if it ever is.
                self._no_more[index], unit = error, None
            if unit is None:
                self._ended[index] = True
            else:
                self._hand_out(unit)

    def _fullness(self, stratum: Stratum) -> float:
        index = stratum.index
        ahead = sum(tokens for (owner, _), tokens in self._ahead.items() if owner == index)
        return (max(self._cursors[index].given, self._full_at[index]) + ahead) / stratum.quota

    def _hand_out(self, unit: Unit) -> None:
        self._next[unit.stratum] = max(self._next[unit.stratum], unit.number + 1)
        seen = self._seen[unit.stratum]
        expected = sum(seen) / len(seen) if seen else unit.place.n_rows * TOKENS_PER_ROW
        self._ahead[unit.stratum, unit.number] = expected
        if not _is_whole(piece_file(self._pieces, unit)):
            self._submit(unit)

    def _submit(self, unit: Unit) -> None:
        with _named(unit):
            self._under_way[self._pool.submit(self._job, unit)] = unit
        self._collect(block=False)

    def _collect(self, block: bool = True) -> None:
        for done in wait(self._under_way, None if block else 0, FIRST_COMPLETED).done:
            unit = self._under_way.pop(done)
            try:
                content = done.result()
            except Exception as error:
                # Raised when the unit is asked for: what is drawn must not depend on how far was read ahead.
                self._failed[unit] = error
                continue
            if content is not None:
                store_piece(piece_file(self._pieces, unit), content)


def _is_whole(file: Path) -> bool:
    """Whether a piece of an earlier start can be used; one that a crash of the machine has cut is made again."""
    return file.exists() and zipfile.is_zipfile(file)


@contextmanager
def _named(unit: Unit) -> Iterator[None]:
    """Say what a lost process means."""
    try:
        yield
    except lost() as error:
        raise WorkerLost(
            f"a process that read documents ended by {unit.path}, mostly for want of memory; what is done is kept. "
            "Start the run again, with fewer processes in HINDSIGHT_CORPUS_RUNNER."
        ) from error
