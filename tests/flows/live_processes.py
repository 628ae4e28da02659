"""The processes of a run: found by what Prefect writes into their environment."""

import signal
from uuid import UUID

import psutil

from deployments.processes import recorded_processes
from tests.flows.stage_runs import until


def processes_of(run_id: UUID, saying: str = "") -> list[psutil.Process]:
    """Living processes of a run, its descendants' among them.

    Args:
        run_id: The flow run.
        saying: Only those whose command line holds this.
    """
    found = []
    for process in psutil.process_iter(["environ", "cmdline", "status"]):
        environment, command = process.info["environ"] or {}, " ".join(process.info["cmdline"] or [])
        if process.info["status"] != psutil.STATUS_ZOMBIE and str(run_id) in environment.values() and saying in command:
            found.append(process)
    return found


def kill_run(run_id: UUID) -> None:
    """SIGKILL every process of a run as soon as there is one that has begun its flow."""
    for process in until(lambda: processes_of(run_id)):
        _send(process, signal.SIGKILL)


def kill_worker(pool: str) -> None:
    """SIGKILL the worker of a pool that `hindsight up` started in this test's state."""
    pid, _ = recorded_processes()[f"worker-{pool}"]
    _send(psutil.Process(pid), signal.SIGKILL)


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
