"""Installations see no index, cache or setting of this machine's, and use the uv of this environment."""

import os
import shutil
import sys
import venv
from pathlib import Path

import pytest

OF_THIS_MACHINE = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA", "CURL_CA")
UV = Path(sys.executable).with_name("uv")


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(OF_THIS_MACHINE)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip-cache"))
    monkeypatch.setenv("UV", str(UV))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def empty_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip and nothing else."""
    folder = tmp_path_factory.mktemp("empty") / "env"
    venv.create(folder, symlinks=True, with_pip=True)
    return folder


@pytest.fixture
def quick_venv(empty_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New environments are copies of one: making one with pip takes seconds."""

    def copy(folder: Path, clear: bool, symlinks: bool, with_pip: bool) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(empty_environment, folder, symlinks=symlinks)

    monkeypatch.setattr("venv.create", copy)
