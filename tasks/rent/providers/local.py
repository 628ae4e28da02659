"""Machines that are process trees of this one, for tests and trials.

A machine is every process whose environment has HINDSIGHT_MACHINE with its name, so that a process which outlived the
machine's first one still belongs to it, and still counts as running.
"""

import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import psutil

from tasks.common.processes import GRACE_SECONDS
from tasks.common.settings import project_root, state_dir
from tasks.rent.config import RentedPool
from tasks.rent.providers.provider import Listed, Offer, Order

MACHINE_VARIABLE = "HINDSIGHT_MACHINE"
POLL_SECONDS = 0.05


class Local:
    """Rents process trees, which cost nothing.

    Args:
        dry_run: Run nothing.
    """

    def __init__(self, dry_run: bool = False) -> None:
        self.dry_run = dry_run
        self.commands: list[str] = []

    def offers(self, pool: RentedPool) -> list[Offer]:
        return [Offer(pool.offer, 0.0, "this machine")]

    def start(self, order: Order) -> None:
        self.commands.append(shlex.join(order.command))
        if self.dry_run or order.name in self.status():
            return
        log = state_dir() / "logs" / f"{order.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            subprocess.Popen(
                order.command,
                cwd=project_root(),
                env={**os.environ, **order.environment, **order.secrets, MACHINE_VARIABLE: order.name},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def status(self) -> dict[str, Listed]:
        found: dict[str, Listed] = {}
        for name, process in _members():
            born = datetime.fromtimestamp(process.create_time(), UTC)
            earlier = found[name].since if name in found else None
            found[name] = Listed("running", min(born, earlier) if earlier else born)
        return found

    def has_ended(self, name: str, provider_id: str) -> bool:
        # The table of processes is complete.
        return name not in self.status()

    def stop(self, name: str, provider_id: str = "") -> None:
        self.commands.append(f"kill the processes of {name}")
        if self.dry_run:
            return
        deadline = time.monotonic() + GRACE_SECONDS
        # An ended process of a parent that does not ask for its status stays as a zombie, which is no member any more.
        while left := members_of(name):
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.terminate() if time.monotonic() < deadline else process.kill()
            time.sleep(POLL_SECONDS)


def members_of(name: str) -> list[psutil.Process]:
    """The processes of one machine."""
    return [process for own, process in _members() if own == name]


def _members() -> Iterator[tuple[str, psutil.Process]]:
    """The processes of machines, oldest first. Another user's cannot be read, and are none of ours."""
    for process in psutil.process_iter():
        try:
            name = process.environ().get(MACHINE_VARIABLE)
            if name and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                yield name, process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
