"""An update in a process of its own that is killed at a point: `python -m tests.live.killed POINT OUTCOMES`."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.live.update import update_line
from tasks.store.store import open_store
from tasks.versions import moves
from tests.live.small_live import AT, InlineRun, recipe

POINTS = ("after train", "after look", "before register", "after register", "before promote", "after promote")


def main() -> None:
    """Update; SIGKILL comes at the point."""
    point, outcomes = sys.argv[1:]
    when, what = point.split()
    run = InlineRun("up")
    if what in ("register", "promote"):
        setattr(moves, what, _killing(getattr(moves, what), when))
    else:
        run.stop_after, run.stop = what, _kill
    update_line(recipe(Path(outcomes)), AT, run, open_store(), "ada")


def _killing(move: Callable[..., Any], when: str) -> Callable[..., Any]:
    def killed(*arguments: Any, **others: Any) -> None:
        if when == "after":
            move(*arguments, **others)
        _kill()

    return killed


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
