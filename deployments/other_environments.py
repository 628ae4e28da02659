"""Environments beside the pipeline's, of an installed package; in a checkout the Makefile installs them."""

from importlib.metadata import version
from pathlib import Path

from deployments.install.environment import IMPORTS, MARKER, Environment
from deployments.install.environment import install as install_environment
from tasks.common.environments import environment_dir
from tasks.common.settings import project_root

UV_PIN = "constraints-uv.txt"


def install(name: str) -> Path:
    """Install what the pins say, unless that is done.

    Args:
        name: `trainer` or `export`.

    Returns:
        The environment's folder.

    Raises:
        InstallationFailed: If a step fails; the next call does it again.
    """
    venv, pins = environment_dir(name).absolute(), project_root() / f"constraints-{name}.txt"
    marker = venv / MARKER
    if not marker.exists() or marker.stat().st_mtime < pins.stat().st_mtime:
        # Without the local part of the version: another build may serve here.
        torch = f"torch=={version('torch').partition('+')[0]}"
        install_environment(Environment(venv, pins, project_root() / UV_PIN, torch, IMPORTS[name]))
    return venv
