"""Where workers and runs keep what lasts no longer than they do."""

import shutil
from pathlib import Path

from tasks.common.settings import state_dir

ATTEMPTS = "prefect-workspace-attempt-*"


def scratch_dir() -> Path:
    """A folder of this state's own; in the machine's, Prefect's workers share one, which is whoever's came first."""
    folder = state_dir().absolute() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sweep_attempts() -> int:
    """Remove what killed workers left of their runs' environments, the passwords in them included. Gives how many.

    Prefect hands a run its environment in a file that only its user can read, and removes it when the run ends. To be
    called where no worker runs.
    """
    left = [folder for folder in scratch_dir().glob(ATTEMPTS) if folder.is_dir()]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)
