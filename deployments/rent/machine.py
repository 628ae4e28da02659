"""A rented machine's one command: `python -m deployments.rent.machine NAME POOL ENDS_AT SECONDS IDLE_MINUTES`.

It starts the pool's worker and ends when the machine's lease does, by two clocks, without asking anybody. Providers
end a machine when its command ends. It ends before if nothing has run for IDLE_MINUTES, the store can be reached, and
every result made here is proved.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psutil

from tasks.common.lifeline import PARENT
from tasks.common.logs import start_logging
from tasks.common.processes import end_tree
from tasks.rent.errors import StillNeeded
from tasks.rent.lifecycle import proved_or_refused
from tasks.rent.machines import Machine, append
from tasks.store.store import open_store

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
ASK_SECONDS = 60.0
"""Between two questions to the store."""


@dataclass
class Lease:
    """Until when the machine may run, by the wall clock and by one that nobody sets.

    Args:
        ends_at: By the renter's clock.
        seconds: What was left when the command was written.
    """

    ends_at: datetime
    seconds: float
    _started: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        """Whether one of the two clocks says so."""
        return datetime.now(UTC) >= self.ends_at or time.monotonic() - self._started >= self.seconds


@dataclass
class Idle:
    """For how long nothing has run below the worker.

    Args:
        minutes: From when on the machine is idle.
    """

    minutes: float
    _since: float = field(default_factory=time.monotonic)

    def is_reached(self, worker: "subprocess.Popen[bytes]") -> bool:
        """Whether the worker had no process for so long."""
        if runs_of(worker):
            self._since = time.monotonic()
        return time.monotonic() - self._since >= self.minutes * 60


def runs_of(worker: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """The processes that a worker has started."""
    with suppress(psutil.NoSuchProcess):
        return [each for each in psutil.Process(worker.pid).children() if each.status() != psutil.STATUS_ZOMBIE]
    return []


def watch(
    lease: Lease, idle: Idle, start_worker: Callable[[], "subprocess.Popen[bytes]"], may_end: Callable[[], bool]
) -> str:
    """Keep a worker until the lease ends, or until nothing runs and every result is proved. Returns why it ended.

    Args:
        lease: Ends the machine, whatever runs and though nobody answers.
        idle: For how long nothing must have run.
        start_worker: Called again if the worker has ended.
        may_end: Asks the store, in a thread of its own: an answer that does not come holds up nothing.
    """
    worker, asked_at, proved = start_worker(), -float("inf"), threading.Event()

    def ask() -> None:
        if may_end():
            proved.set()

    try:
        while not lease.is_over:
            if proved.is_set():
                return "every result is proved and nothing runs"
            if worker.poll() is not None:
                log.warning("the worker has ended with %s; starting it again", worker.returncode)
                worker = start_worker()
            if idle.is_reached(worker) and time.monotonic() - asked_at >= ASK_SECONDS:
                asked_at = time.monotonic()
                threading.Thread(target=ask, daemon=True).start()
            time.sleep(POLL_SECONDS)
        return "its lease is over"
    finally:
        with suppress(psutil.NoSuchProcess):
            end_tree(psutil.Process(worker.pid))


def may_end(name: str) -> bool:
    """Whether the record of this machine says, or lets this machine say, that it stops."""

    def decide(machine: Machine) -> dict[str, object] | None:
        return None if machine.is_stopping else proved_or_refused(open_store(), machine)

    try:
        return append(open_store(), name, "stop", by=f"the watchdog of {name}", decide=decide).is_stopping
    except StillNeeded as error:
        log.info("%s", error)
    except Exception as error:  # the store is away, or anything else: the lease's end remains
        log.warning("the store cannot say whether this machine may end: %s", error)
    return False


def main(arguments: list[str]) -> int:
    """Run a machine."""
    name, pool, ends_at, seconds, idle_minutes = arguments
    start_logging("INFO")
    # `finally` blocks run when the provider asks this process to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    environment = {**os.environ, PARENT: str(os.getpid())}
    worker = ["-m", "tasks.common.lifeline", "prefect", "worker", "start", "--pool", pool, "--name", name]
    why = watch(
        Lease(datetime.fromisoformat(ends_at), float(seconds)),
        Idle(float(idle_minutes)),
        lambda: subprocess.Popen([sys.executable, *worker], env=environment),
        lambda: may_end(name),
    )
    log.info("machine %s ends: %s (%s)", name, why, timedelta(seconds=round(time.monotonic() - START)))
    return 0


START = time.monotonic()

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
