"""Prefetches tokenized chunks in the order in which the sampler is expected to ask for them."""

import logging
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path

from tasks.corpus.errors import CorpusError, WorkerLost
from tasks.corpus.workers.chunks import TokenizedChunk, chunk_file, store_chunk
from tasks.corpus.workers.executors import ItemExecutor, lost_worker_errors
from tasks.corpus.workers.work_items import Cursor, Group, WorkItem
from tasks.corpus.workers.worker import Job

log = logging.getLogger(__name__)

TOKENS_PER_ROW = 600
"""Expected for a group of which nothing was read yet; FineWeb's mean is 671."""
AHEAD_PER_WORKER = 4


class Prefetcher:
    """Submits work items and returns their chunks.

    A group is read ahead until its quota is expected to be filled by what it has given and what is submitted. The least
    full group comes first, as in the sampler.

    Args:
        executor: Runs the workers.
        job: What workers need.
        groups: All groups.
        cursors: How far each is drawn; the sampler updates them.
        chunks_dir: Folder of chunks; those of an earlier start are used.
    """

    def __init__(
        self, executor: ItemExecutor, job: Job, groups: Sequence[Group], cursors: Sequence[Cursor], chunks_dir: Path
    ) -> None:
        self._executor, self._job, self._groups = executor, job, groups
        self._cursors, self._chunks_dir = cursors, chunks_dir
        self._running: dict[Future[bytes | None], WorkItem] = {}
        self._ahead: dict[tuple[int, int], float] = {}
        """Expected tokens of work items that are submitted and not returned yet, by group and number."""
        self._next = [0] * len(groups)
        self._full_at = [0.0] * len(groups)
        """What a group will have given after its current work item."""
        self._n_tokens: list[list[int]] = [[] for _ in groups]
        """Tokens of the chunks returned so far, by group."""
        self._ended = [False] * len(groups)
        self._failed: dict[WorkItem, Exception] = {}
        self._list_errors: dict[int, CorpusError] = {}
        """Why a group's next work item is unknown."""

    def start_at(self, group: int, number: int) -> None:
        """Start a group at a later work item, as on a resume."""
        self._next[group] = number

    def get(self, group: int, number: int) -> tuple[WorkItem, TokenizedChunk] | None:
        """Wait for a work item's chunk; None past the last work item.

        Raises:
            CorpusError: The worker's own error.
            WorkerLost: If a worker process ended.
        """
        item = self._groups[group].item(number)
        if item is None:
            if error := self._list_errors.get(group):
                raise error
            return None
        if (group, number) not in self._ahead:
            self._start(item)
        self._read_ahead()
        chunk = self._open(item)
        del self._ahead[group, number]
        self._full_at[group] = self._cursors[group].given + chunk.n_tokens
        self._n_tokens[group].append(chunk.n_tokens)
        return item, chunk

    def rebuild(self, item: WorkItem) -> TokenizedChunk:
        """Make a damaged chunk again.

        Raises:
            BadZipFile: If the new one is damaged as well.
        """
        file = chunk_file(self._chunks_dir, item)
        log.warning("corpus: chunk %s of %s is damaged and is made again", file.name, item.path)
        file.unlink(missing_ok=True)
        self._submit(item)
        self._await(item)
        return TokenizedChunk(file)

    def _open(self, item: WorkItem) -> TokenizedChunk:
        self._await(item)
        try:
            return TokenizedChunk(chunk_file(self._chunks_dir, item))
        except zipfile.BadZipFile:
            return self.rebuild(item)

    def _await(self, item: WorkItem) -> None:
        while item in self._running.values():
            self._collect()
            self._read_ahead()
        if error := self._failed.pop(item, None):
            with _explains_lost_worker(item):
                raise error

    def _read_ahead(self) -> None:
        n_workers = self._executor.n_workers
        limit = len(self._groups) + AHEAD_PER_WORKER * n_workers
        while n_workers and len(self._running) < n_workers + 1 and len(self._ahead) < limit:
            fullness = {group.index: self._fullness(group) for group in self._groups}
            wanted = [index for index, full in fullness.items() if full < 1 and not self._ended[index]]
            if not wanted:
                return
            index = min(wanted, key=fullness.__getitem__)
            try:
                item = self._groups[index].item(self._next[index])
            except CorpusError as error:
                # Raised when the sampler asks for this work item, if it ever does.
                self._list_errors[index], item = error, None
            if item is None:
                self._ended[index] = True
            else:
                self._start(item)

    def _fullness(self, group: Group) -> float:
        ahead = sum(tokens for (index, _), tokens in self._ahead.items() if index == group.index)
        return (max(self._cursors[group.index].given, self._full_at[group.index]) + ahead) / group.quota

    def _start(self, item: WorkItem) -> None:
        self._next[item.group] = max(self._next[item.group], item.number + 1)
        seen = self._n_tokens[item.group]
        expected = sum(seen) / len(seen) if seen else item.row_group.n_rows * TOKENS_PER_ROW
        self._ahead[item.group, item.number] = expected
        # A chunk of an earlier start is used, unless a crash of the machine has cut it.
        if not zipfile.is_zipfile(chunk_file(self._chunks_dir, item)):
            self._submit(item)

    def _submit(self, item: WorkItem) -> None:
        with _explains_lost_worker(item):
            self._running[self._executor.submit(self._job, item)] = item
        self._collect(block=False)

    def _collect(self, block: bool = True) -> None:
        for done in wait(self._running, None if block else 0, FIRST_COMPLETED).done:
            item = self._running.pop(done)
            try:
                content = done.result()
            except Exception as error:
                # Raised when the sampler asks for the item: the result must not depend on how far was read ahead.
                self._failed[item] = error
                continue
            if content is not None:
                store_chunk(chunk_file(self._chunks_dir, item), content)


@contextmanager
def _explains_lost_worker(item: WorkItem) -> Iterator[None]:
    try:
        yield
    except lost_worker_errors() as error:
        raise WorkerLost(
            f"a worker process ended at {item.path}, most likely out of memory; finished work is kept. "
            "Start the run again, with fewer processes in HINDSIGHT_CORPUS_RUNNER."
        ) from error
