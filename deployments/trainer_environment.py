"""The trainer's environment of an installed package; in a checkout the Makefile installs it."""

from importlib.metadata import version
from pathlib import Path

from deployments.install.environment import MARKER, TRAINER_IMPORTS, Environment
from deployments.install.environment import install as install_environment
from tasks.common.settings import project_root
from tasks.train.pipeline.launch import trainer_venv

PINS, UV_PIN = "constraints-trainer.txt", "constraints-uv.txt"


def install() -> Path:
    """Install what the pins say, unless that is done.

    Returns:
        The environment's folder.

    Raises:
        InstallationFailed: If a step fails; the next call does it again.
    """
    venv, pins = trainer_venv().absolute(), project_root() / PINS
    marker = venv / MARKER
    if not marker.exists() or marker.stat().st_mtime < pins.stat().st_mtime:
        # Without the local part of the version: another build may serve here.
        torch = f"torch=={version('torch').partition('+')[0]}"
        install_environment(Environment(venv, pins, project_root() / UV_PIN, torch, TRAINER_IMPORTS))
    return venv
