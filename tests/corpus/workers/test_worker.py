"""Workers that outlive a start or share a process: one per thread, and none reads from a file of an old start."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import distributed
import pytest

from tasks.corpus.errors import NoWorkers
from tasks.corpus.sources.reader import RowGroup
from tasks.corpus.tokenize.engine import EngineSpec
from tasks.corpus.workers import worker
from tasks.corpus.workers.executors import dask_client, lost_worker_errors
from tasks.corpus.workers.work_items import WorkItem
from tasks.corpus.workers.worker import Job, Worker, prepare_worker
from tests.corpus.conftest import qwen_digest
from tests.corpus.sources.test_fineweb import fineweb
from tests.model_fixtures import qwen


@pytest.fixture
def job(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(worker, "Worker", lambda job: Worker(job, qwen()))
    monkeypatch.setattr(worker, "_THREAD", worker._Thread())
    return Job(fineweb(mirror), EngineSpec("transformers", qwen_digest()), tmp_path, None)


def test_two_threads_of_a_process_share_no_reader(job: Job) -> None:
    both = Barrier(2)

    def made() -> Worker | None:
        both.wait()
        prepare_worker(job)
        prepare_worker(job)
        return worker._THREAD.worker

    with ThreadPoolExecutor(2) as threads:
        one, two = (future.result() for future in [threads.submit(made), threads.submit(made)])
    assert isinstance(one, Worker)
    assert isinstance(two, Worker)
    assert one is not two
    assert one.reader is not two.reader


def test_a_thread_keeps_the_worker_of_its_newest_job_alone(job: Job) -> None:
    prepare_worker(job)
    first = worker._THREAD.worker
    prepare_worker(job)
    assert worker._THREAD.worker is first
    other = Job(job.config, job.engine, job.scratch_dir, job.chunks_dir, start_id="another")
    prepare_worker(other)
    assert worker._THREAD.worker is not first
    assert worker._THREAD.worker.job == other


class Client:
    """The part of a Dask client that the executor uses; records the submitted jobs."""

    def __init__(self) -> None:
        self.submitted: list[Any] = []

    def wait_for_workers(self, n_workers: int, timeout: float) -> None:
        assert n_workers == 1

    def nthreads(self) -> dict[str, int]:
        return {"tcp://one": 2}

    def get_executor(self, pure: bool) -> SimpleNamespace:
        return SimpleNamespace(submit=self.submit)

    def submit(self, act: Callable[..., object], job: Job, item: WorkItem) -> Future[None]:
        self.submitted.append(job)
        return Future()


def test_workers_that_outlive_a_start_take_the_same_job_as_another_one(job: Job) -> None:
    client, item = Client(), WorkItem(0, 0, "x", RowGroup(0, 0, 1))
    for _ in range(2):
        pool = dask_client(client)
        pool.submit(job, item)
        pool.submit(job, item)
    first, again, second, _ = client.submitted
    assert first == again != second


def test_a_cluster_without_workers_is_refused_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.corpus.workers.executors.WORKERS_SECONDS", 0.2)
    options = {"n_workers": 0, "processes": False, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster) as client,
        pytest.raises(
            NoWorkers, match=r"no worker came to inproc://.* in 0\.2 s; start some, or change HINDSIGHT_CORPUS"
        ),
    ):
        dask_client(client)


def test_a_dask_worker_that_died_is_a_lost_worker() -> None:
    with pytest.raises(lost_worker_errors()):
        raise distributed.KilledWorker("item", SimpleNamespace(address="tcp://one"), 3)
