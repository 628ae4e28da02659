"""What goes wrong in a month, done to real processes and a real disk."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType

from tests.flows.restarts import server_away
from tests.local_stack import Stack
from tests.month.plan import Kind
from tests.s3_server import S3Server

DISK_BYTES = 24_000_000
RENTED = "h100"


@dataclass
class Site:
    """What a month runs on.

    Args:
        stack: Server and workers.
        s3: The store.
        disk: File system of the rented machine's staging; None where none of its own could be mounted.
    """

    stack: Stack
    s3: S3Server
    disk: Path | None
    happened: list[dict[str, object]] = field(default_factory=list)

    def do(self, kind: Kind, seconds: float) -> None:
        """Let something go wrong, for so long if it lasts, and note what it met."""
        met = ""
        if kind == "interruption":
            met = kill_a_training()
        elif kind == "store outage":
            self.s3.restart(seconds_down=seconds)
        elif kind == "server restart":
            with server_away(self.stack, 5):
                pass
        elif self.disk is None:
            met = "left out: no file system could be mounted"
        else:
            fill(self.disk, seconds)
        self.happened.append({"kind": kind, "at": time.time(), "met": met})


def kill_a_training() -> str:
    """SIGKILL the process of a run on the rented machine, as if that were taken away; its name, or that none ran."""
    running = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])))
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[RENTED]))
    with get_client(sync_client=True) as client:
        runs = {str(run.id): run.name for run in client.read_flow_runs(flow_run_filter=running, work_pool_filter=pool)}
    for process in psutil.process_iter(["environ"]):
        for run_id in runs.keys() & set((process.info["environ"] or {}).values()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
                return runs[run_id]
    return "the machine was idle"


def fill(disk: Path, seconds: float) -> None:
    """Leave nothing free on a small file system for some time."""
    ballast, block = disk / "ballast", bytes(100_000)
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(block)
    time.sleep(seconds)
    ballast.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of its own; None where this user may mount none."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "hindsight-month", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
