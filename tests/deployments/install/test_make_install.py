"""What `make install` does before anything is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.common.settings import project_root

FILES = (
    "Makefile",
    "pyproject.toml",
    "constraints.txt",
    *(f"constraints-{name}.txt" for name in ("trainer", "export", "uv")),
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that decide what is installed, and the code that installs, without an environment."""
    for name in FILES:
        shutil.copy(project_root() / name, tmp_path)
    for package in ("deployments", "tasks"):
        shutil.copytree(project_root() / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def another_python(folder: Path) -> Path:
    python = folder / "python3.12"
    python.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.12.1"\n[ "$1" = --version ]\n')
    python.chmod(0o755)
    return python


def make(checkout: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    # `make test` hands its own variables on to the makes below it, which then say more.
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *words], cwd=checkout, env=alone, capture_output=True, text=True)


def test_another_python_is_refused_before_anything_is_installed(checkout: Path) -> None:
    python = another_python(checkout)
    refused = make(checkout, "install", f"PYTHON={python}")
    assert refused.returncode != 0
    assert refused.stdout == ""
    assert refused.stderr.splitlines()[0] == (
        f"hindsight needs Python 3.11, and PYTHON={python} is Python 3.12.1; nothing was installed. Name one: make "
        "install PYTHON=/path/to/python3.11"
    )
    assert not (checkout / ".venv").exists()


def test_an_interpreter_that_does_not_exist_is_refused(checkout: Path) -> None:
    refused = make(checkout, "demo", "PYTHON=/no/python3.11")
    assert "hindsight needs Python 3.11, and PYTHON=/no/python3.11 is " in refused.stderr
    assert "Name one: make demo PYTHON=/path/to/python3.11" in refused.stderr
    assert not (checkout / ".venv").exists()


def test_a_complete_installation_is_not_touched(checkout: Path) -> None:
    for name in (".venv", ".venv-trainer", ".venv-export"):
        (checkout / name).mkdir()
        (checkout / name / ".installed").touch()
    done = make(checkout, "install", f"PYTHON={another_python(checkout)}")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


@pytest.mark.parametrize(("words", "given"), [([], "none"), (["exprot"], "exprot")])
def test_an_environment_that_is_not_known_is_refused_in_a_sentence(words: list[str], given: str) -> None:
    done = subprocess.run([sys.executable, "-m", "deployments.install", *words], capture_output=True, text=True)
    sentence = f"name one environment to install, of pipeline, trainer, export; given: {given}\n"
    assert (done.returncode, done.stderr) == (1, sentence)


def test_the_installer_needs_nothing_installed() -> None:
    """-S leaves out site-packages, -I everything else that is not the standard library."""
    script = f"import sys; sys.path.insert(0, {str(project_root())!r}); import deployments.install.__main__"
    subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True)
