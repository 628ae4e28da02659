"""The trainer's environment of an installed package; in a checkout the Makefile installs it."""

import subprocess
import sys
from pathlib import Path

from tasks.common.errors import HindsightError
from tasks.common.settings import project_root
from tasks.train.pipeline.launch import trainer_venv

PINS = "constraints-trainer.txt"


class TrainerNotInstalled(HindsightError):
    """pip could not install the trainer's environment."""


def install() -> Path:
    """Install what the pins say, unless that is done.

    Returns:
        The environment's folder.

    Raises:
        TrainerNotInstalled: If a step fails; the next call does it again.
    """
    venv, pins = trainer_venv().absolute(), project_root() / PINS
    marker = venv / ".installed"
    if marker.exists() and marker.stat().st_mtime >= pins.stat().st_mtime:
        return venv
    python = str(venv / "bin" / "python")
    for command in (
        [sys.executable, "-m", "venv", str(venv)],
        [python, "-m", "pip", "install", "--requirement", str(pins)],
        [python, "-m", "pip", "check"],
    ):
        if returncode := subprocess.run(command).returncode:
            raise TrainerNotInstalled(
                f"`{' '.join(command)}` ended with status {returncode}, see its output above; run it again, or name "
                "another environment's interpreter in HINDSIGHT_TRAINER_PYTHON."
            )
    marker.touch()
    return venv
