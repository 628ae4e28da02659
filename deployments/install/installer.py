"""What installs packages: uv, itself installed by pip and with pip's settings; pip, where there is no uv."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployments.install import pip_settings

NOISE = re.compile(
    r" [+~-] |Using Python |Looking in |Requirement already|WARNING: Location |\s+(Using cached|Downloaded|Built) |\s*$"
)
"""Lines of uv's and pip's that repeat the pins, or say nothing of the progress."""


@dataclass(frozen=True)
class Installer:
    """Uv or pip, for one environment.

    Args:
        name: For the progress.
        install: The command that takes requirements.
        check: The command that compares what is installed with what it requires.
        variables: The environment of both.
    """

    name: str
    install: Sequence[str]
    check: Sequence[str]
    variables: Mapping[str, str]


def installer_of(python: Path, uv_pin: Path, other_uv: Path | None = None) -> Installer:
    """Uv, or pip if there is no uv, or pip has a setting that uv does not know.

    Args:
        python: The environment's interpreter; it has pip.
        uv_pin: The requirement of uv, with hashes.
        other_uv: The uv of another environment, used if it exists.

    The variable UV names another uv, which is used in any case; if it is empty, pip installs.
    """
    named, settings = os.environ.get("UV"), pip_settings.read(python)
    if named is not None:
        return by_uv(named, python, settings) if named else by_pip(python)
    if untranslated := pip_settings.not_translated(settings):
        print(f"uv does not know pip's settings {', '.join(untranslated)}.", flush=True)
        return by_pip(python)
    uv = python.with_name("uv")
    if other_uv and other_uv.exists() and other_uv != uv:
        return by_uv(str(other_uv), python, settings)
    return by_uv(str(uv), python, settings) if _install_uv(python, uv_pin) else by_pip(python)


def by_pip(python: Path) -> Installer:
    """The environment's own pip."""
    pip = [str(python), "-m", "pip"]
    return Installer("pip, in minutes", [*pip, "install", "--progress-bar", "off"], [*pip, "check"], os.environ)


def by_uv(uv: str, python: Path, settings: Mapping[str, str]) -> Installer:
    """Uv, with pip's settings."""
    into, variables = ["--python", str(python)], os.environ | pip_settings.for_uv(settings, os.environ)
    return Installer("uv", [uv, "pip", "install", *into], [uv, "pip", "check", *into], variables)


def run(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a command, with its output indented and without NOISE; its exit status."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=variables, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            if not NOISE.match(line):
                print(f"  {line.rstrip()}", flush=True)
    return process.returncode


def _install_uv(python: Path, pins: Path) -> bool:
    command = [*by_pip(python).install, "--quiet", "--require-hashes", "--requirement", str(pins)]
    return run(command, os.environ) == 0
