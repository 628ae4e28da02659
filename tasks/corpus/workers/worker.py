"""What a worker does: read a unit, clip it, tokenize it, leave a piece. One per thread, wherever that is."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from tasks.corpus.config import CorpusConfig
from tasks.corpus.errors import DamagedSource
from tasks.corpus.filters.clip import CORRUPT, Ledger, clip
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.sources.patience import patiently
from tasks.corpus.sources.reader import Reader, open_reader
from tasks.corpus.sources.source_config import FineWebSource
from tasks.corpus.tokenize.engine import Engine, EngineSpec, make_engine
from tasks.corpus.workers.chunks import Part, PieceWriter, part_of
from tasks.corpus.workers.work_items import Unit
from tasks.schemas.artifacts import Document

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PART_DOCUMENTS = 512


@dataclass(frozen=True)
class Job:
    """All a worker must know; the same for every unit.

    Args:
        config: What is drawn.
        engine: How it is tokenized.
        scratch: Folder for unpacked files.
        pieces: Folder for pieces, or None where this process does not share it: the piece is returned as bytes.
        start: Tells starts apart where workers outlive them, so that none reads on from files an earlier one opened.
    """

    config: CorpusConfig
    engine: EngineSpec
    scratch: Path
    pieces: Path | None
    start: str = ""


class Worker:
    """A thread's reader and tokenizer, made once: neither may be used by two threads at a time.

    Args:
        job: What it is to do.
        tokenizer: Transformers' tokenizer, where this process has loaded it already.
    """

    def __init__(self, job: Job, tokenizer: "PreTrainedTokenizerBase | None" = None) -> None:
        self.job = job
        self.cutoff = Cutoff(job.config.cutoff, job.config.side)
        self.reader: Reader = open_reader(job.config, job.scratch)
        self.engine: Engine = make_engine(job.engine, job.config.tokenizer, tokenizer)
        self._find = _scanner(self.cutoff)
        self._sign = _signer(job.config)

    def write(self, unit: Unit, stream: IO[bytes]) -> None:
        """Write a unit's piece; on a network that fails meanwhile it is begun again.

        Raises:
            DamagedSource: If its file is corrupt and that is not only to be counted.
        """

        def attempt() -> None:
            stream.seek(0)
            stream.truncate()
            self._write(unit, stream)

        patiently(attempt, unit.path)

    def _write(self, unit: Unit, stream: IO[bytes]) -> None:
        source = self.job.config.source
        counts_corrupt = isinstance(source, FineWebSource) and source.on_corrupt == "count"
        score = source.language_score if isinstance(source, FineWebSource) else None
        ledger, writer = Ledger(), PieceWriter(stream)
        documents = clip(self.reader.rows(unit), self.cutoff, ledger, score)
        try:
            for part in self._parts(documents):
                writer.add(part)
            writer.close(ledger)
        except DamagedSource as error:
            writer.abandon()
            if not counts_corrupt:
                raise
            # Nothing of a damaged unit is taken, whatever could be read of it before the damage.
            stream.seek(0)
            stream.truncate()
            lost = Ledger(n_read=unit.place.n_rows)
            lost.dropped[CORRUPT] = unit.place.n_rows
            PieceWriter(stream).close(lost, corrupt=str(error))
        except BaseException:
            writer.abandon()
            raise

    def _parts(self, documents: Iterator[Document]) -> Iterator[Part]:
        while batch := list(islice(documents, PART_DOCUMENTS)):
            texts = [document.text for document in batch]
            ids = self.engine.encode(texts, self.job.config.batch_documents)
            found = {place: what for place, text in enumerate(texts) if (what := self._find(text))}
            signatures = np.stack([self._sign(text) for text in texts]) if self._sign else None
            yield part_of(batch, ids, found, signatures)


def read_unit(job: Job, unit: Unit) -> bytes | None:
    """Make a unit's piece in a worker process.

    Args:
        job: The same for all units.
        unit: What to read.

    Returns:
        None where the piece lies in the shared folder, else its content.
    """
    return make_piece(_worker(job), unit)


def make_worker(job: Job) -> None:
    """Make reader and tokenizer before the first unit comes."""
    _worker(job)


def make_piece(worker: Worker, unit: Unit) -> bytes | None:
    """Make a unit's piece: as a file where the folder is shared, else as bytes."""
    pieces = worker.job.pieces
    if pieces is None:
        with tempfile.TemporaryFile() as stream:
            worker.write(unit, stream)
            stream.seek(0)
            return stream.read()
    unfinished = pieces / f"{unit.name}.{os.getpid()}"
    with unfinished.open("wb") as stream:
        worker.write(unit, stream)
    unfinished.replace(piece_file(pieces, unit))
    return None


def piece_file(pieces: Path, unit: Unit) -> Path:
    """Where a unit's piece lies."""
    return pieces / f"{unit.name}.piece"


class _Thread(threading.local):
    """The worker of the job this thread does; that of an earlier job goes, with its open files."""

    worker: Worker | None = None


_THREAD = _Thread()


def _worker(job: Job) -> Worker:
    if _THREAD.worker is None or _THREAD.worker.job != job:
        # The old one's memory is free before the new one is made.
        _THREAD.worker = None
        _THREAD.worker = Worker(job)
    return _THREAD.worker


def _scanner(cutoff: Cutoff) -> Callable[[str], list[str]]:
    from tasks.corpus.filters.scan import Scan

    return Scan(cutoff).find


def _signer(config: CorpusConfig) -> Callable[[str], np.ndarray] | None:
    if config.deduplicate is None:
        return None
    from tasks.corpus.filters.near_duplicates import MinHasher

    return MinHasher(config.deduplicate).signature
