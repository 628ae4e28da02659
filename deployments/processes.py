"""What was started here, by name, process id and birth time: an id alone may belong to a stranger by tomorrow."""

import json
from collections.abc import Mapping
from pathlib import Path

import psutil

from tasks.common.processes import end_tree
from tasks.common.settings import state_dir


def note(name: str, pid: int) -> None:
    """Write down a process that was just started."""
    _write({**noted(), name: (pid, psutil.Process(pid).create_time())})


def noted() -> dict[str, tuple[int, float]]:
    """Process id and birth time of everything started here."""
    file = _file()
    return {name: (pid, born) for name, (pid, born) in json.loads(file.read_text()).items()} if file.exists() else {}


def is_running(name: str) -> bool:
    """Whether the process of this name still runs."""
    return name in noted() and _process(*noted()[name]) is not None


def end_all() -> list[str]:
    """End every noted process with all its descendants; workers first, the server last. Returns the names ended."""
    names = sorted(noted(), key=lambda name: name == "server")
    ended = [name for name in names if _end(*noted()[name])]
    _file().unlink(missing_ok=True)
    return ended


def _process(pid: int, born: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - born) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def _end(pid: int, born: float) -> bool:
    process = _process(pid, born)
    if process is None:
        return False
    end_tree(process)
    return True


def _file() -> Path:
    return state_dir() / "processes.json"


def _write(content: Mapping[str, object]) -> None:
    _file().parent.mkdir(parents=True, exist_ok=True)
    _file().write_text(json.dumps(content, indent=1) + "\n")
