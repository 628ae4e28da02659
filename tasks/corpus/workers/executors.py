"""Who reads units: this process, other processes of this machine, or Dask's workers on many."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from multiprocessing import get_context
from typing import Any
from uuid import uuid4

from tasks.corpus.errors import CorpusError
from tasks.corpus.workers.work_items import Unit
from tasks.corpus.workers.worker import Job, Worker, make_piece, make_worker, read_unit

RUNNER = "HINDSIGHT_CORPUS_RUNNER"
"""`here`, `processes`, `processes:N`, `dask:local:N` or `dask:tcp://host:port`."""
SMALL_TOKENS = 2_000_000
"""A budget that one process draws before others would have started."""
WATCH_SECONDS = 1.0
WORKERS_SECONDS = 60.0


class UnknownRunner(CorpusError):
    """The environment names a way of running that there is not."""


class NoWorkers(CorpusError):
    """A cluster has nobody who would read."""


@dataclass(frozen=True)
class Pool:
    """Reads units.

    Args:
        name: For the log and the record.
        submit: Starts a unit.
        n_workers: Units read at once; 0 where a unit is read when it is asked for and nothing is read ahead.
        shares_folder: Whether workers write pieces themselves.
        prepare: Makes what a job needs in every worker, without waiting; that it is done counts for nothing but time.
    """

    name: str
    submit: Callable[[Job, Unit], "Future[bytes | None]"]
    n_workers: int
    shares_folder: bool
    prepare: Callable[[Job], None] = lambda job: None


OpenPool = Callable[[Callable[[], Any]], AbstractContextManager[Pool]]
"""From what gives transformers' tokenizer to a pool that is open for a while."""


@contextmanager
def here(tokenizer: Callable[[], Any] | None = None) -> Iterator[Pool]:
    """This process, unit by unit as they are asked for.

    Args:
        tokenizer: Gives transformers' tokenizer, which this process has loaded by then.
    """
    workers: dict[Job, Worker] = {}

    def submit(job: Job, unit: Unit) -> "Future[bytes | None]":
        if job not in workers:
            workers[job] = Worker(job, tokenizer() if tokenizer else None)
        done: Future[bytes | None] = Future()
        done.set_result(make_piece(workers[job], unit))
        return done

    yield Pool("here", submit, n_workers=0, shares_folder=True)


@contextmanager
def processes(n_workers: int) -> Iterator[Pool]:
    """Processes of this machine, started anew rather than forked, for this one has threads."""
    executor = ProcessPoolExecutor(
        n_workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(os.getpid(),)
    )
    with _ended(executor):
        # They start while this process loads its tokenizer.
        for _ in range(n_workers):
            executor.submit(_ready)

        def submit(job: Job, unit: Unit) -> "Future[bytes | None]":
            return executor.submit(read_unit, job, unit)

        def prepare(job: Job) -> None:
            for _ in range(n_workers):
                executor.submit(make_worker, job)

        yield Pool(f"{n_workers} processes", submit, n_workers, shares_folder=True, prepare=prepare)


def asks_for_dask() -> str | None:
    """Where Dask's workers are, if the environment asks for them: `local:2`, `tcp://host:port`."""
    kind, _, where = os.environ.get(RUNNER, "").partition(":")
    return where if kind == "dask" and where else None


@contextmanager
def dask(where: str) -> Iterator[Pool]:
    """Dask's workers: `tcp://host:port`, or `local:N` for a cluster of this machine."""
    import distributed

    untyped: Any = distributed
    if where.startswith("local"):
        n_workers = int(where.partition(":")[2] or 2)
        options = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": None}
        with untyped.LocalCluster(**options) as cluster, untyped.Client(cluster) as client:
            yield of_client(client)
    else:
        with untyped.Client(where) as client:
            yield of_client(client)


@contextmanager
def chosen(token_budget: int, tokenizer: Callable[[], Any] | None = None) -> Iterator[Pool]:
    """The pool the environment names; unnamed, this machine's cores where the budget is worth their start.

    Raises:
        UnknownRunner: If it names another.
    """
    kind, _, rest = os.environ.get(RUNNER, "").partition(":")
    if kind == "here" or (not kind and token_budget < SMALL_TOKENS):
        with here(tokenizer) as pool:
            yield pool
    elif kind in ("", "processes") and (rest.isdigit() or not rest):
        with processes(int(rest) if rest else len(os.sched_getaffinity(0))) as pool:
            yield pool
    elif kind == "dask" and rest:
        with dask(rest) as pool:
            yield pool
    else:
        raise UnknownRunner(
            f"{RUNNER}={os.environ[RUNNER]!r} is no way of running; say here, processes, processes:4, dask:local:2 or "
            "dask:tcp://host:port."
        )


def of_client(client: Any) -> Pool:
    """The workers of a Dask client that somebody else has opened.

    Raises:
        NoWorkers: If none has come within WORKERS_SECONDS.
    """
    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    except TimeoutError as error:
        raise NoWorkers(
            f"no worker came to {client.scheduler.address} in {WORKERS_SECONDS:g} s; start some, or change {RUNNER}."
        ) from error
    executor: Executor = client.get_executor(pure=False)
    start, n_workers = uuid4().hex, sum(client.nthreads().values())
    return Pool(
        f"dask, {n_workers} threads",
        lambda job, unit: executor.submit(read_unit, replace(job, start=start), unit),
        n_workers,
        shares_folder=False,
    )


def lost() -> tuple[type[BaseException], ...]:
    """What a unit's future raises when the process that read it has ended."""
    distributed: Any = sys.modules.get("distributed")  # Not imported, which takes a second, there is no worker of it.
    return (BrokenProcessPool, CancelledError, *([distributed.KilledWorker] if distributed else []))


@contextmanager
def _ended(executor: Executor) -> Iterator[None]:
    try:
        yield
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _ready() -> None:
    """Importing what reading needs is what takes the time."""
    for name in ("pyarrow.parquet", "tiktoken"):
        import_module(name)


def _begin(parent: int) -> None:
    """A worker process: it leaves interruptions to its parent, and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One tokenizer per process; each with threads of its own would contend for the same cores.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
