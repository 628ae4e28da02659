"""An environment is complete or has no marker, and holds what the pins say."""

import shutil
import subprocess
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from deployments import other_environments
from deployments.install.__main__ import environment_of
from deployments.install.environment import IMPORTS, MARKER, Environment, InstallationFailed, install
from tasks.common.settings import project_root
from tests.deployments.install.wheels import make_wheel

LINKS = "links"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Two packages, one of them in torch's place: its CPU build, which is among pip's find-links."""
    (tmp_path / "pins.txt").write_text(make_wheel(tmp_path / LINKS, "pinned", "1"))
    make_wheel(tmp_path / LINKS, "build", "1+cpu")
    (tmp_path / "uv.txt").write_text(f"uv==9 --hash=sha256:{64 * '0'}\n")
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "index").as_uri())
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / LINKS))
    return Environment(tmp_path / "env", Path("pins.txt"), Path("uv.txt"), "build==1", ("pinned", "build"))


def versions(environment: Environment) -> list[str]:
    script = "import pinned, build; print(pinned.VERSION, build.VERSION)"
    return subprocess.run([environment.python, "-c", script], capture_output=True, text=True).stdout.split()


@pytest.mark.usefixtures("quick_venv")
def test_by_uv_and_by_pip_the_same_is_installed(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(environment)
    assert versions(environment) == ["1", "1+cpu"]
    assert "env: installing pins.txt with uv\n" in capsys.readouterr().out
    shutil.rmtree(environment.folder)
    monkeypatch.setenv("UV", "")
    install(environment)
    assert versions(environment) == ["1", "1+cpu"]
    assert "env: installing pins.txt with pip" in capsys.readouterr().out


@pytest.mark.usefixtures("quick_venv")
def test_without_uv_in_the_registry_pip_installs(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("UV")
    install(environment)
    assert versions(environment) == ["1", "1+cpu"]
    printed = capsys.readouterr().out
    assert "No matching distribution found for uv==9" in printed
    assert "env: installing pins.txt with pip" in printed


@pytest.mark.slow
def test_an_interrupted_one_is_made_anew_and_a_complete_one_is_brought_to_its_pins(
    environment: Environment, tmp_path: Path
) -> None:
    left_behind = environment.folder / "left-behind"
    left_behind.parent.mkdir()
    left_behind.touch()
    install(environment)
    assert not left_behind.exists()
    left_behind.touch()
    # Bytecode is renewed if a source's size or its second of change is another.
    (tmp_path / "pins.txt").write_text(make_wheel(tmp_path / LINKS, "pinned", "10"))
    install(environment)
    assert versions(environment) == ["10", "1+cpu"]
    assert left_behind.exists()


@pytest.mark.usefixtures("quick_venv")
@pytest.mark.parametrize("uv", ["uv", "pip"])
def test_a_file_with_another_hash_is_not_installed(
    environment: Environment, uv: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if uv == "pip":
        monkeypatch.setenv("UV", "")
    environment.pins.write_text(f"pinned==1 --hash=sha256:{64 * '0'}\n")
    with pytest.raises(InstallationFailed, match=rf"env: installing pins\.txt with {uv}.* failed, as printed above\."):
        install(environment)
    assert 64 * "0" in capsys.readouterr().out
    assert versions(environment) == []
    assert not (environment.folder / MARKER).exists()


@pytest.mark.usefixtures("quick_venv")
def test_what_cannot_be_imported_or_lacks_a_requirement_is_not_marked(
    environment: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(environment)
    broken = Environment(
        *(environment.folder, environment.pins, environment.uv_pin, environment.torch), ("build, lost",)
    )
    with pytest.raises(InstallationFailed, match="importing it once, which compiles it failed"):
        install(broken)
    assert "No module named 'lost'" in capsys.readouterr().out
    assert not (environment.folder / MARKER).exists()
    environment.pins.write_text(make_wheel(tmp_path / LINKS, "pinned", "3", requires=("absent>=1",)))
    with pytest.raises(InstallationFailed, match="checking what is installed failed"):
        install(environment)
    assert "absent" in capsys.readouterr().out
    assert not (environment.folder / MARKER).exists()


@pytest.mark.usefixtures("quick_venv")
def test_what_is_imported_is_compiled_even_where_python_is_told_not_to(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    install(environment)
    assert len(list(environment.folder.rglob("site-packages/__pycache__/pinned.*.pyc"))) == 1


@pytest.mark.usefixtures("quick_venv")
def test_beside_a_wheel_the_trainer_is_installed_with_the_torch_that_runs_here_and_once(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = version("torch").partition("+")[0]
    make_wheel(tmp_path / LINKS, "torch", f"{here}+cpu")
    environment.pins.rename("constraints-trainer.txt")
    monkeypatch.setattr(other_environments, "project_root", lambda: tmp_path)
    monkeypatch.setattr(other_environments, "environment_dir", lambda name: tmp_path / name)
    monkeypatch.setattr(other_environments, "IMPORTS", {"trainer": ("torch, pinned",)})
    folder = other_environments.install("trainer")
    torch = next((folder / "lib").glob("python3.*/site-packages/torch.py"))
    assert torch.read_text() == f"VERSION = '{here}+cpu'\n"
    torch.unlink()
    assert other_environments.install("trainer") == folder
    assert not torch.exists()


@pytest.mark.usefixtures("quick_venv")
@pytest.mark.parametrize("uv", ["uv", "pip"])
def test_an_image_names_its_build_of_torch_and_another_is_refused(
    environment: Environment, tmp_path: Path, uv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if uv == "pip":
        monkeypatch.setenv("UV", "")
    named = make_wheel(tmp_path / LINKS, "build", "1+cpu")
    for pins, installed in ((named, True), (named[:-65] + 64 * "0" + "\n", False)):
        (tmp_path / "torch.txt").write_text(pins)
        of_image = replace(environment, folder=tmp_path / f"image-{installed}", torch_pins=Path("torch.txt"))
        if installed:
            install(of_image)
            assert versions(of_image) == ["1", "1+cpu"]
        else:
            with pytest.raises(InstallationFailed, match=r"installing torch\.txt failed"):
                install(of_image)


def test_the_variable_torch_pins_names_the_list_for_every_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project_root())
    monkeypatch.delenv("TORCH_PINS", raising=False)
    assert {environment_of(name).torch_pins for name in ("pipeline", *IMPORTS)} == {None}
    monkeypatch.setenv("TORCH_PINS", "infra/images/torch-cpu.txt")
    assert {environment_of(name).torch_pins for name in ("pipeline", *IMPORTS)} == {Path("infra/images/torch-cpu.txt")}
