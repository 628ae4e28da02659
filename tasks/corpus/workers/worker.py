"""A worker: reads a work item, clips and tokenizes its documents, and writes a tokenized chunk. One per thread."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from tasks.corpus.config import CorpusConfig, FineWebSource
from tasks.corpus.errors import DamagedSource
from tasks.corpus.filters.clip import CORRUPT, ClipCounts, clip
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.filters.scan import Scan
from tasks.corpus.sources.open_reader import open_reader
from tasks.corpus.sources.reader import Reader
from tasks.corpus.tokenize.engine import Engine, EngineSpec, make_engine
from tasks.corpus.workers.chunks import ChunkWriter, DocumentBatch, chunk_file, make_batch
from tasks.corpus.workers.work_items import WorkItem
from tasks.schemas.artifacts import Document

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DOCUMENTS_PER_BATCH = 512


@dataclass(frozen=True)
class Job:
    """What a worker needs besides its work items.

    Args:
        config: The corpus's.
        engine: The tokenizer engine.
        scratch_dir: For Arrow copies of files.
        chunks_dir: For chunks, or None if the worker does not share the folder: it returns the chunk as bytes.
        start_id: Differs between starts if workers outlive them, so that none uses files an earlier start opened.
    """

    config: CorpusConfig
    engine: EngineSpec
    scratch_dir: Path
    chunks_dir: Path | None
    start_id: str = ""


class Worker:
    """A thread's reader and tokenizer: neither may be used by two threads at a time.

    Args:
        job: What to do.
        tokenizer: Transformers' tokenizer, if this process has loaded it already.
    """

    def __init__(self, job: Job, tokenizer: "PreTrainedTokenizerBase | None" = None) -> None:
        self.job = job
        self.cutoff = Cutoff(job.config.cutoff, job.config.side)
        self.reader: Reader = open_reader(job.config, job.scratch_dir)
        self.engine: Engine = make_engine(job.engine, job.config.tokenizer, tokenizer)
        self._scan = Scan(self.cutoff)
        self._sign = _signature_function(job.config)

    def write(self, item: WorkItem, stream: IO[bytes]) -> None:
        """Write a work item's chunk.

        Raises:
            DamagedSource: If its file is corrupt and such files are not only counted.
            CorpusError: If its file cannot be read.
        """
        source = self.job.config.source
        counts_corrupt = isinstance(source, FineWebSource) and source.on_corrupt == "count"
        score = source.language_score if isinstance(source, FineWebSource) else None
        counts, writer = ClipCounts(), ChunkWriter(stream)
        documents = clip(self.reader.documents(item.path, item.row_group), self.cutoff, counts, score)
        try:
            for batch in self._batches(documents):
                writer.add(batch)
            writer.close(counts)
        except DamagedSource as error:
            writer.abandon()
            if not counts_corrupt:
                raise
            # Nothing of a damaged row group is kept, even if a part of it could be read.
            stream.seek(0)
            stream.truncate()
            n_rows = item.row_group.n_rows
            lost = ClipCounts(n_read=n_rows)
            lost.dropped[CORRUPT] = n_rows
            ChunkWriter(stream).close(lost, corrupt=str(error))
        except BaseException:
            writer.abandon()
            raise

    def _batches(self, documents: Iterator[Document]) -> Iterator[DocumentBatch]:
        while batch := list(islice(documents, DOCUMENTS_PER_BATCH)):
            texts = [document.text for document in batch]
            ids = self.engine.encode(texts, self.job.config.batch_documents)
            found = {index: mentions for index, text in enumerate(texts) if (mentions := self._scan.find(text))}
            signatures = np.stack([self._sign(text) for text in texts]) if self._sign else None
            yield make_batch(batch, ids, found, signatures)


def process_item(job: Job, item: WorkItem) -> bytes | None:
    """Make a work item's chunk with this thread's worker; the result is `make_chunk`'s."""
    return make_chunk(_worker(job), item)


def prepare_worker(job: Job) -> None:
    """Make this thread's reader and tokenizer before the first work item comes."""
    _worker(job)


def make_chunk(worker: Worker, item: WorkItem) -> bytes | None:
    """Make a work item's chunk.

    Returns:
        None if the chunk is in the shared folder, else its content.
    """
    chunks_dir = worker.job.chunks_dir
    if chunks_dir is None:
        with tempfile.TemporaryFile() as stream:
            worker.write(item, stream)
            stream.seek(0)
            return stream.read()
    unfinished = chunks_dir / f"{item.name}.{os.getpid()}"
    with unfinished.open("wb") as stream:
        worker.write(item, stream)
    unfinished.replace(chunk_file(chunks_dir, item))
    return None


class _Thread(threading.local):
    """The worker of this thread's current job."""

    worker: Worker | None = None


_THREAD = _Thread()


def _worker(job: Job) -> Worker:
    if _THREAD.worker is None or _THREAD.worker.job != job:
        # The old worker's memory and open files are released before the new one is made.
        _THREAD.worker = None
        _THREAD.worker = Worker(job)
    return _THREAD.worker


def _signature_function(config: CorpusConfig) -> Callable[[str], np.ndarray] | None:
    if config.deduplicate is None:
        return None
    from tasks.common.duplicates.near import MinHasher

    return MinHasher(config.deduplicate).signature
