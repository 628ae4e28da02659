"""Scripts of the export's environment get no secrets, reach no network, and end with the process that started them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.install.environment import MARKER
from tasks.common.environments import INSTALLED, interpreter
from tasks.gguf.convert import check_convertible
from tasks.gguf.engine import engine
from tasks.gguf.environment import _variables, call, export_python, started
from tasks.gguf.errors import EngineFailed, ExportEnvironmentMissing, GgufError, NotConvertible
from tests.gguf.small_chat_models import needs_export


def test_a_missing_environment_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_EXPORT_PYTHON", "/no/python")
    with pytest.raises(ExportEnvironmentMissing, match=r"/no/python is missing.*`hindsight install-export` "):
        export_python()


@pytest.mark.parametrize("name", ["export", "trainer"])
def test_an_environment_whose_installation_did_not_end_is_refused_unless_it_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert INSTALLED == MARKER
    variable, folder = f"HINDSIGHT_{name.upper()}_PYTHON", tmp_path / name
    monkeypatch.setattr("tasks.common.environments.environment_dir", lambda name: folder)
    monkeypatch.delenv(variable, raising=False)
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.symlink_to(sys.executable)
    assert interpreter(name)[1] == (
        f"environment {folder} is incomplete, because its installation did not end; `hindsight install-{name}` "
        f"installs it (in a checkout `make install`), {variable} names another."
    )
    monkeypatch.setenv(variable, str(python))
    assert interpreter(name) == (python, None)
    monkeypatch.delenv(variable)
    (folder / INSTALLED).touch()
    assert interpreter(name) == (python, None)


def test_secrets_and_proxies_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "KAGGLE_KEY", "HTTPS_PROXY", "HINDSIGHT_STORE"):
        monkeypatch.setenv(name, "secret")
    assert "secret" not in _variables().values()
    assert _variables()["HF_HUB_OFFLINE"] == "1"


@needs_export()
def test_an_architecture_is_known_by_name() -> None:
    check_convertible("LlamaForCausalLM")
    check_convertible("Qwen3_5MoeForCausalLM")
    with pytest.raises(NotConvertible, match=r"does not know 'ChronoGPTModel'; it knows \d+ architectures"):
        check_convertible("ChronoGPTModel")


@needs_export()
def test_a_script_that_fails_is_reported_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(GgufError, match=r"header ended with status 1: ValueError: "):
        call("header", {"file": str(tmp_path / "no.gguf")}, tmp_path / "header.log")
    with pytest.raises(EngineFailed, match=r"llama\.cpp does not load no\.gguf"), engine(tmp_path / "no.gguf"):
        pass


@needs_export()
def test_a_script_cannot_open_a_socket(tmp_path: Path) -> None:
    """The same call that cuts off the scripts, in the same interpreter."""
    script = "from tasks.common.isolation import isolate; print(isolate()); import socket; socket.socket()"
    done = subprocess.run([export_python(), "-c", script], env=_variables(), capture_output=True, text=True)
    assert "PermissionError" in done.stderr or "network namespace" in done.stdout


@needs_export()
def test_an_unknown_script_is_not_run(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log, started("os", {"answer": json.dumps("")}, log) as process:
        assert process.wait() == 1
    assert "os is not one of" in (tmp_path / "log").read_text()
