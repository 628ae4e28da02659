"""What a month runs on: the project's own server, pools and automations, a store, and rented machines."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
from prefect.client.orchestration import get_client

from deployments.address import Address, server_answers
from deployments.automations import register_automations
from deployments.pools import POOLS_DIR, register
from tasks.common.settings import project_root, state_dir
from tests.local_stack import deploy
from tests.month.plan import Month
from tests.month.stages import sleep, team_run
from tests.month.worker import RUNS, TYPE, start_worker
from tests.s3_server import S3Server, serve_s3
from tests.waiting import GENEROUS_SECONDS

RENTED = "h100"
DISK_BYTES = 24_000_000


@dataclass
class Machine:
    """A rented machine: a worker that runs one flow at a time, and a disk.

    Args:
        number: Which.
        disk: Its state folder.
        notes: Where its worker notes what runs.
    """

    number: int
    disk: Path
    notes: Path
    worker: BaseProcess | None = None
    n_started: int = 0

    def start(self) -> None:
        """Rent it, or another one in its place."""
        self.n_started += 1
        for folder in (self.disk, self.notes):
            folder.mkdir(parents=True, exist_ok=True)
        environment = {"HINDSIGHT_STATE": str(self.disk), "HINDSIGHT_POOL": RENTED, RUNS: str(self.notes)}
        self.worker = start_worker(RENTED, f"machine-{self.number}-{self.n_started}", 1, environment)

    def runs(self) -> dict[str, psutil.Process]:
        """The processes of what runs on it, by the run's id."""
        found = {}
        for note in self.notes.iterdir():
            with suppress(psutil.NoSuchProcess, FileNotFoundError):
                found[note.read_text()] = psutil.Process(int(note.name))
        return found


@dataclass
class Site:
    """All of it.

    Args:
        s3: The store.
        server: The Prefect server.
        machines: Of the pool h100. The first one's disk is a small file system of its own.
        is_disk_small: Whether such a one could be mounted.
    """

    s3: S3Server
    server: "subprocess.Popen[bytes]"
    machines: list[Machine]
    is_disk_small: bool
    happened: list[dict[str, object]] = field(default_factory=list)


@contextmanager
def site_of(month: Month, folder: Path) -> Iterator[Site]:
    """Start everything until the block ends; this process is a client of it by its environment."""
    (folder / "s3").mkdir()
    with ExitStack() as opened:
        s3 = opened.enter_context(serve_s3(folder / "s3"))
        os.environ.update({**s3.environment(), "HINDSIGHT_STORE": f"s3://{s3.bucket}/month"})
        is_small = opened.enter_context(_small_disk(folder / "machine-0"))
        machines = [
            Machine(number, folder / f"machine-{number}", folder / f"runs-{number}")
            for number in range(month.n_machines)
        ]
        site = Site(s3, start_server(), machines, is_small)
        opened.callback(lambda: site.server.kill())
        _open_pools(month)
        own = Machine(-1, folder / "state", folder / "runs")
        own.notes.mkdir()
        own.worker = start_worker("cpu", "cpu", None, {"HINDSIGHT_POOL": "cpu", RUNS: str(own.notes)})
        opened.callback(lambda: _end([own, *machines]))
        for machine in machines:
            machine.start()
        yield site


def start_server() -> "subprocess.Popen[bytes]":
    """The project's server, as `hindsight up` starts it; it answers when this returns."""
    logs = state_dir() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / "server.log").open("ab") as log:
        command = [sys.executable, "-m", "deployments.server"]
        server = subprocess.Popen(command, cwd=project_root(), stdout=log, stderr=log)
    deadline = time.monotonic() + GENEROUS_SECONDS
    while not server_answers(Address.from_environment()):
        assert server.poll() is None, f"the server ended; see {logs}"
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.5)
    return server


def _open_pools(month: Month) -> None:
    """The project's pools, served by forks and as wide as the month's machines, its automations, and the stages."""
    for pool, limit in (("cpu", None), (RENTED, month.n_machines)):
        content = json.loads((POOLS_DIR / f"{pool}.json").read_text())
        register({**content, "type": TYPE, "concurrency_limit": limit})
    register_automations()
    deploy(team_run, "cpu")
    with get_client(sync_client=True) as client:
        client.create_deployment(
            flow_id=client.create_flow(sleep), name=RENTED, work_pool_name=RENTED, entrypoint="tests.month.stages.sleep"
        )


def _end(machines: list[Machine]) -> None:
    for machine in machines:
        if machine.worker:
            machine.worker.kill()
        for process in machine.runs().values():
            with suppress(psutil.NoSuchProcess):
                process.kill()


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """Mount a file system of its own; False where this user may mount none."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "hindsight-month", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
