"""Executors of work items: this process, other processes of this machine, or Dask's workers on many machines."""

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

from tasks.common.threads import n_cores
from tasks.corpus.errors import DaskMissing, NoWorkers, UnknownRunner
from tasks.corpus.workers.work_items import WorkItem
from tasks.corpus.workers.worker import Job, Worker, make_chunk, prepare_worker, process_item

RUNNER = "HINDSIGHT_CORPUS_RUNNER"
"""`in_process`, `processes`, `processes:N`, `dask:local:N` or `dask:tcp://host:port`."""
IN_PROCESS_TOKENS = 2_000_000
"""One process finishes a smaller budget before others would have started."""
PARENT_CHECK_SECONDS = 1.0
WORKERS_SECONDS = 60.0


@dataclass(frozen=True)
class ItemExecutor:
    """Runs workers.

    Args:
        name: For the log and the record.
        submit: Starts a work item.
        n_workers: Work items run at once; 0 if an item runs when it is asked for and nothing is read ahead.
        shares_folder: Whether workers write chunks themselves.
        prepare: Makes every worker's reader and tokenizer, without waiting; only saves time.
    """

    name: str
    submit: Callable[[Job, WorkItem], "Future[bytes | None]"]
    n_workers: int
    shares_folder: bool
    prepare: Callable[[Job], None] = lambda job: None


OpenExecutor = Callable[[Callable[[], Any]], AbstractContextManager[ItemExecutor]]
"""Opens an executor, given a function that returns transformers' tokenizer."""


@contextmanager
def in_process(tokenizer: Callable[[], Any] | None = None) -> Iterator[ItemExecutor]:
    """This process, one work item at a time, when it is asked for.

    Args:
        tokenizer: Returns transformers' tokenizer, which this process has loaded by then.
    """
    workers: dict[Job, Worker] = {}

    def submit(job: Job, item: WorkItem) -> "Future[bytes | None]":
        if job not in workers:
            workers[job] = Worker(job, tokenizer() if tokenizer else None)
        done: Future[bytes | None] = Future()
        done.set_result(make_chunk(workers[job], item))
        return done

    yield ItemExecutor("in_process", submit, n_workers=0, shares_folder=True)


@contextmanager
def processes(n_workers: int) -> Iterator[ItemExecutor]:
    """Processes of this machine; spawned, not forked, because this process has threads."""
    executor = ProcessPoolExecutor(
        n_workers, mp_context=get_context("spawn"), initializer=_initialize_worker, initargs=(os.getpid(),)
    )
    try:
        # They start while this process loads its tokenizer.
        for _ in range(n_workers):
            executor.submit(_import_libraries)

        def submit(job: Job, item: WorkItem) -> "Future[bytes | None]":
            return executor.submit(process_item, job, item)

        def prepare(job: Job) -> None:
            for _ in range(n_workers):
                executor.submit(prepare_worker, job)

        yield ItemExecutor(f"{n_workers} processes", submit, n_workers, shares_folder=True, prepare=prepare)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def dask_address() -> str | None:
    """Address of Dask's workers, if the environment asks for them: `local:2`, `tcp://host:port`."""
    kind, _, address = os.environ.get(RUNNER, "").partition(":")
    return address if kind == "dask" and address else None


def local_cluster_options(address: str) -> dict[str, Any]:
    """Options of Dask's LocalCluster for an address `local:N`."""
    n_workers = int(address.partition(":")[2] or 2)
    return {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": None}


def import_dask(module: str) -> Any:
    """A module of the extra `dask`.

    Args:
        module: `distributed` or `prefect_dask.task_runners`.

    Raises:
        DaskMissing: If it cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise DaskMissing(
            f"{RUNNER}={os.environ.get(RUNNER)!r} needs the extra `dask`, and {module} cannot be imported ({error}). "
            f'`make install` installs it, `pip install "WHEEL[dask]"` beside a wheel; or set {RUNNER}=processes.'
        ) from error


@contextmanager
def dask(address: str) -> Iterator[ItemExecutor]:
    """Dask's workers: `tcp://host:port`, or `local:N` for a cluster of this machine.

    Raises:
        DaskMissing: If the extra `dask` is not installed.
    """
    untyped = import_dask("distributed")
    if address.startswith("local"):
        with (
            untyped.LocalCluster(**local_cluster_options(address)) as cluster,
            untyped.Client(cluster) as client,
        ):
            yield dask_client(client)
    else:
        with untyped.Client(address) as client:
            yield dask_client(client)


@contextmanager
def configured(token_budget: int, tokenizer: Callable[[], Any] | None = None) -> Iterator[ItemExecutor]:
    """The executor the environment names; by default a process per core, or this process for a small budget.

    Raises:
        UnknownRunner: If the environment names another.
    """
    kind, _, rest = os.environ.get(RUNNER, "").partition(":")
    if kind == "in_process" or (not kind and token_budget < IN_PROCESS_TOKENS):
        opened = in_process(tokenizer)
    elif kind in ("", "processes") and (rest.isdigit() or not rest):
        opened = processes(int(rest) if rest else n_cores())
    elif kind == "dask" and rest:
        opened = dask(rest)
    elif kind == "here":
        raise UnknownRunner(f"{RUNNER}='here' has been renamed; set {RUNNER}=in_process.")
    else:
        raise UnknownRunner(
            f"{RUNNER}={os.environ[RUNNER]!r} is not a runner; set in_process, processes, processes:4, dask:local:2 or "
            "dask:tcp://host:port."
        )
    with opened as executor:
        yield executor


def dask_client(client: Any) -> ItemExecutor:
    """The workers of an open Dask client, which the caller closes.

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
    start_id, n_workers = uuid4().hex, sum(client.nthreads().values())
    return ItemExecutor(
        f"dask, {n_workers} threads",
        lambda job, item: executor.submit(process_item, replace(job, start_id=start_id), item),
        n_workers,
        shares_folder=False,
    )


def lost_worker_errors() -> tuple[type[BaseException], ...]:
    """What a work item's future raises if its process has ended."""
    # Not imported here, because that takes a second; without the import there are no Dask workers.
    distributed: Any = sys.modules.get("distributed")
    return (BrokenProcessPool, CancelledError, *([distributed.KilledWorker] if distributed else []))


def _import_libraries() -> None:
    for name in ("pyarrow.parquet", "tiktoken"):
        import_module(name)


def _initialize_worker(parent: int) -> None:
    """Make a worker process ignore interrupts, which its parent handles, and end with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One tokenizer per process; tokenizers with several threads each would compete for the same cores.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
