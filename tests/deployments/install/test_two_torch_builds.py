"""Why torch is on no list of pins: no hashed list serves its CPU build and its CUDA build (decision 0022)."""

import subprocess
from pathlib import Path
from tempfile import mkdtemp

import pytest

from deployments.install.installer import Installer, by_pip, by_uv
from tests.deployments.install.conftest import UV
from tests.deployments.install.wheels import make_wheel


@pytest.fixture
def pins(tmp_path: Path) -> dict[str, str]:
    """Both builds as a registry and a folder of CPU builds have them; the CUDA build requires a library of its own."""
    cpu = make_wheel(tmp_path / "cpu", "build", "1+cpu")
    cuda = make_wheel(tmp_path / "cuda", "build", "1", requires=("library==1",))
    library = make_wheel(tmp_path / "cuda", "library", "1")
    return {
        "one line": f"build==1 {cpu.split()[1]} {cuda.split()[1]}\n",
        "two lines": cpu + cuda,
        "with the library": f"build==1 {cpu.split()[1]} {cuda.split()[1]}\n" + library,
    }


def installs(installer: Installer, where: Path, pins: str, *options: str) -> set[str] | None:
    """What is installed from a folder of wheels; None if the installer refuses."""
    list_file, target = where.parent / "pins.txt", Path(mkdtemp(dir=where.parent))
    list_file.write_text(pins)
    words = ["--no-index", "--find-links", str(where), "--require-hashes", *options, "--target", str(target)]
    command = [*installer.install, *words, "--requirement", str(list_file)]
    done = subprocess.run(command, env=dict(installer.variables), capture_output=True)
    return {folder.stem for folder in target.glob("*.dist-info")} if done.returncode == 0 else None


def test_a_list_with_both_hashes_serves_both_builds_with_pip_alone(
    empty_environment: Path, pins: dict[str, str], tmp_path: Path
) -> None:
    python = empty_environment / "bin" / "python"
    uv, pip = by_uv(str(UV), python, {}), by_pip(python)
    assert installs(pip, tmp_path / "cpu", pins["one line"], "--no-deps") == {"build-1+cpu"}
    assert installs(uv, tmp_path / "cpu", pins["one line"], "--no-deps") is None
    assert installs(uv, tmp_path / "cpu", pins["two lines"], "--no-deps") == {"build-1+cpu"}
    assert installs(uv, tmp_path / "cuda", pins["two lines"], "--no-deps") is None


def test_a_list_for_both_builds_either_lacks_cudas_libraries_or_installs_them_without_a_gpu(
    empty_environment: Path, pins: dict[str, str], tmp_path: Path
) -> None:
    pip = by_pip(empty_environment / "bin" / "python")
    assert installs(pip, tmp_path / "cuda", pins["one line"]) is None
    for wheel in (tmp_path / "cuda").glob("library*"):
        (tmp_path / "cpu" / wheel.name).write_bytes(wheel.read_bytes())
    assert installs(pip, tmp_path / "cpu", pins["with the library"]) == {"build-1+cpu", "library-1"}
