"""Processes started here, by name, process id and start time, and the temporary folder they share.

A process id alone may belong to another program later.
"""

import json
import shutil
from pathlib import Path

import psutil

from tasks.common.processes import end_tree
from tasks.common.settings import state_dir

WORKSPACES = "prefect-workspace-attempt-*"


def record_process(name: str, pid: int) -> None:
    """Add a process that was just started to `processes.json`."""
    _file().parent.mkdir(parents=True, exist_ok=True)
    content = {**recorded_processes(), name: (pid, psutil.Process(pid).create_time())}
    _file().write_text(json.dumps(content, indent=1) + "\n")


def recorded_processes() -> dict[str, tuple[int, float]]:
    """Process id and start time of everything started here, by name."""
    file = _file()
    return {name: (pid, born) for name, (pid, born) in json.loads(file.read_text()).items()} if file.exists() else {}


def is_running(name: str) -> bool:
    """Whether the process of this name still runs."""
    recorded = recorded_processes()
    return name in recorded and _process(*recorded[name]) is not None


def end_all() -> list[str]:
    """End every recorded process and all its descendants, the server last. Returns the names of those that ran."""
    recorded = recorded_processes()
    ended = []
    for name in sorted(recorded, key=lambda name: name == "server"):
        if process := _process(*recorded[name]):
            end_tree(process)
            ended.append(name)
    _file().unlink(missing_ok=True)
    return ended


def temporary_dir() -> Path:
    """A TMPDIR in this state folder. In the machine's own, Prefect's workers share a folder that one user owns."""
    folder = state_dir().absolute() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def remove_workspaces() -> int:
    """Remove what killed workers left of their runs' environments, passwords included. Returns how many.

    Prefect passes a run its environment in a file that only its user can read, and removes it when the run ends. Call
    this only if no worker runs.
    """
    left = [folder for folder in temporary_dir().glob(WORKSPACES) if folder.is_dir()]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def _process(pid: int, born: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - born) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if is_same else None


def _file() -> Path:
    return state_dir() / "processes.json"
