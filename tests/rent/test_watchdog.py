"""The machine's own watchdog: it ends with its lease though nobody can be reached, and before only if all is proved."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from deployments.rent import machine as on_machine
from deployments.rent.machine import Idle, Lease, may_end, watch
from tasks.common.settings import project_root
from tasks.rent.config import RentedPool
from tasks.rent.lifecycle import lease
from tasks.rent.machines import read_machine
from tasks.store.receipts import verify
from tasks.store.store import Store
from tests.rent.test_lifecycle import FIRST, rented
from tests.s3_server import free_port
from tests.store.small_artifact import published


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_machine, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(on_machine, "ASK_SECONDS", 0.1)


@contextmanager
def worker_of(command: str) -> Iterator[list["subprocess.Popen[bytes]"]]:
    started: list[subprocess.Popen[bytes]] = []
    try:
        yield started
    finally:
        for each in started:
            with suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)
            each.wait()


def watched(command: str, ends_in: float, idle_minutes: float, may: bool) -> tuple[str, int]:
    """Watch a worker that is a shell command. Returns why it ended, and how often the worker was started."""
    with worker_of(command) as started:

        def start() -> "subprocess.Popen[bytes]":
            started.append(subprocess.Popen(["sh", "-c", command], start_new_session=True))
            return started[-1]

        ends_at = datetime.now(UTC) + timedelta(seconds=ends_in)
        why = watch(Lease(ends_at, 3_600), Idle(idle_minutes), start, lambda: may)
        assert [each for each in started if each.poll() is None] == []
        return why, len(started)


def test_at_its_leases_end_it_ends_with_what_runs() -> None:
    assert watched("sleep 600 & sleep 600", ends_in=1.2, idle_minutes=0.01, may=True) == ("its lease is over", 1)


def test_a_clock_set_back_does_not_prolong_the_lease() -> None:
    assert Lease(datetime.now(UTC) + timedelta(days=365), 0.0).is_over
    assert not Lease(datetime.now(UTC) + timedelta(days=365), 60.0).is_over


def test_idle_and_proved_it_ends_before_its_lease() -> None:
    assert watched("exec sleep 600", ends_in=60, idle_minutes=1e-9, may=True)[0] == (
        "every result is proved and nothing runs"
    )


def test_idle_and_not_proved_it_stays_until_its_lease_ends() -> None:
    assert watched("exec sleep 600", ends_in=0.7, idle_minutes=1e-9, may=False)[0] == "its lease is over"


def test_a_worker_that_ends_is_started_again() -> None:
    why, n_starts = watched("exit 3", ends_in=0.7, idle_minutes=10, may=True)
    assert (why, n_starts > 1) == ("its lease is over", True)


def test_only_the_record_and_receipts_let_it_end(store: Store, folder: Path, pool: RentedPool) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    assert not may_end(name)
    published(store, folder, FIRST)
    assert not may_end(name)
    verify(store.find(FIRST))
    assert may_end(name)
    stop = read_machine(store, name).find("stop")
    assert (stop.by, len(stop.receipts)) == (f"the watchdog of {name}", 1)


def test_a_store_that_is_away_lets_it_end_with_its_lease_only(
    store: Store, pool: RentedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = rented(store, pool)

    def away() -> Store:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(on_machine, "open_store", away)
    assert not may_end(name)


def test_the_real_command_ends_by_itself_with_server_and_store_away(tmp_path: Path) -> None:
    """With Prefect's own worker, which never reaches its server."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    environment = {
        **os.environ,
        "PREFECT_API_URL": f"{nowhere}/api",
        "PREFECT_HOME": str(tmp_path),
        "HINDSIGHT_STORE": "s3://away/store",
        "HINDSIGHT_S3_ENDPOINT": nowhere,
        "HINDSIGHT_MACHINE": "hs-test-watchdog",
    }
    ends_at = datetime.now(UTC) + timedelta(seconds=6)
    arguments = ["hs-test-watchdog", "h100", ends_at.isoformat(), "6", "0.001"]
    command = ["timeout", "--kill-after=60", "66", sys.executable, "-m", "deployments.rent.machine", *arguments]
    process = subprocess.Popen(command, cwd=project_root(), env=environment, stdout=subprocess.DEVNULL, stderr=-3)
    try:
        while not psutil.Process(process.pid).children(recursive=True):
            time.sleep(0.05)
        assert process.wait(120) == 0
        assert datetime.now(UTC) >= ends_at
    finally:
        process.kill()
        process.wait()
