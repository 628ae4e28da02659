"""Figures measured on a GPU in the trainer's environment, printed and saved in `.hindsight/bench/gpu-NAME.json`."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.common.settings import project_root
from tasks.train.pipeline.launch import trainer_environment, trainer_python

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


def run_in_trainer(module: str, arguments: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run a module of this folder with the fast kernels, and return the figures it prints."""
    done = subprocess.run(
        [trainer_python(), "-m", module],
        input=json.dumps(arguments),
        env=trainer_environment(on_cpu=False),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=3_600,
    )
    assert "FIGURES" in done.stdout, done.stderr[-2_000:]
    figures: dict[str, Any] = json.loads(done.stdout.split("FIGURES")[-1])
    return figures


def save_figures(name: str, figures: dict[str, Any]) -> None:
    """Print and write figures into the project's own folder: a test's state folder is removed after the test."""
    folder = project_root() / ".hindsight" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(figures, indent=1)
    print(f"{name}: {text}")
    (folder / f"gpu-{name}.json").write_text(text + "\n")
