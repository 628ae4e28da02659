"""What goes wrong in a month, done to real processes and a real disk; each notes when it was, and what it met."""

import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from tests.month.plan import Fault, Month
from tests.month.site import Machine, Site, start_server

NOTICE_SECONDS = 10.0
"""From SIGTERM to SIGKILL. Providers give 30 (Google) to 120 s (Amazon)."""


def let_happen(fault: Fault, site: Site, month: Month) -> None:
    """Do it, to its end, and note it among what happened."""
    machine, lasts = site.machines[fault.machine], month.outage_hours * month.hour_seconds
    met: dict[str, object] = {}
    began = time.time()
    if fault.kind == "interruption":
        met = interrupt(machine, fault.is_noticed)
    elif fault.kind == "machine lost":
        met = lose(machine)
    elif fault.kind == "store outage":
        site.s3.restart(seconds_down=lasts)
    elif fault.kind == "server restart":
        restart_server(site, month.restart_seconds)
    elif site.is_disk_small:
        met = fill(machine.disk, lasts)
    else:
        met = {"left out": "no file system could be mounted"}
    site.happened.append({"kind": fault.kind, "began": began, "ended": time.time(), **met})


def interrupt(machine: Machine, is_noticed: bool) -> dict[str, object]:
    """Take the machine's run away while the pool's worker lives, as it does on a cluster."""
    runs, died = machine.runs(), dict[str, float]()

    def note(process: psutil.Process) -> None:
        died[str(process.pid)] = time.time()

    alive = list(runs.values())
    if is_noticed:
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs(alive, timeout=NOTICE_SECONDS, callback=note)
    _kill(alive)
    psutil.wait_procs(alive, callback=note)
    return {"machine": machine.number, "runs": list(runs), "processes": died, "notice": is_noticed}


def lose(machine: Machine) -> dict[str, object]:
    """SIGKILL for everything on a machine at once, its worker first; another one with an empty disk takes its place."""
    assert machine.worker is not None
    machine.worker.kill()
    runs = machine.runs()
    _kill(runs.values())
    died = {str(process.pid): time.time() for process in runs.values()}
    machine.worker.join()
    for folder in (machine.disk, machine.notes):
        shutil.rmtree(folder)
    machine.start()
    return {"machine": machine.number, "runs": list(runs), "processes": died}


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def fill(disk: Path, seconds: float) -> dict[str, object]:
    """Leave nothing free on a small file system for some time."""
    ballast, block, n_bytes = disk / "ballast", bytes(100_000), 0
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            n_bytes += file.write(block)
    time.sleep(seconds)
    ballast.unlink()
    return {"bytes": n_bytes}


def restart_server(site: Site, seconds: float) -> None:
    """A power cut, some seconds of nothing, and the same command again."""
    site.server.kill()
    site.server.wait()
    time.sleep(seconds)
    site.server = start_server()
