"""Publishes a training state before this machine is taken away: `python -m tasks.train.pipeline.before_stop SECONDS`.

A pod's preStop hook, which Kubernetes runs before it sends SIGTERM: training goes on meanwhile. Without it the steps
since the last published state are repeated by the next attempt, and a state that is being sent is lost: Prefect gives a
run 30 s after SIGTERM, however long the pod's grace is.
"""

import sys
import time
from pathlib import Path

from tasks.common.settings import state_dir
from tasks.train.trainer import work_files

POLL_SECONDS = 0.5


def publish_states(seconds: float) -> bool:
    """Have every training of this machine write a state now, and wait until all are in the store.

    Args:
        seconds: Longest wait.

    Returns:
        Whether all were published in time; true if nothing trains here.
    """
    deadline = time.monotonic() + seconds
    trainings = [file.parent for file in (state_dir() / "staging").glob(f"*/{work_files.SETTINGS}")]
    for folder in trainings:
        (folder / work_files.STATE_REQUEST).touch()
    while waiting := [folder for folder in trainings if _is_waiting(folder)]:
        if time.monotonic() > deadline:
            print(f"{len(waiting)} trainings have not published a state within {seconds:g} s", flush=True)
            return False
        time.sleep(POLL_SECONDS)
    return True


def _is_waiting(folder: Path) -> bool:
    """Whether a state is still asked for, being written or being sent; no training is left where its folder is gone."""
    states = folder / work_files.STATES
    return (folder / work_files.STATE_REQUEST).exists() or (states.is_dir() and any(states.iterdir()))


if __name__ == "__main__":
    # A hook that fails is an event of the pod; SIGTERM follows in any case.
    sys.exit(0 if publish_states(float(sys.argv[1])) else 1)
