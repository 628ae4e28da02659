"""Asking a module of `inside/`, in the trainer's environment."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tasks.common.errors import HindsightError
from tasks.gpu_trial.inside.answer import FAILURE, FIGURES
from tasks.train.pipeline.launch import trainer_environment, trainer_python


class NoAnswer(HindsightError):
    """A module ended without figures."""


def ask(module: str, arguments: dict[str, Any], work: Path, device: str) -> dict[str, Any]:
    """Run a module of `inside/` and return its figures.

    Args:
        module: Its name, such as `packed_rows`.
        arguments: JSON values.
        work: Its current folder.
        device: `cuda`, or `cpu` for PyTorch's own operations.

    Raises:
        TrainerMissing: If there is no trainer's environment.
        NoAnswer: If the module fails; with its own reason.
    """
    done = subprocess.run(
        [trainer_python(), "-m", f"tasks.gpu_trial.inside.{module}"],
        input=json.dumps(arguments),
        env=trainer_environment(on_cpu=device == "cpu"),
        cwd=work,
        stdout=subprocess.PIPE,
        text=True,
    )
    if FIGURES not in done.stdout:
        reason = done.stdout.partition(FAILURE)[2].strip() or f"exit status {done.returncode}"
        raise NoAnswer(f"{module} in the trainer's environment gave no figures: {reason}")
    figures: dict[str, Any] = json.loads(done.stdout.split(FIGURES)[-1])
    return figures
