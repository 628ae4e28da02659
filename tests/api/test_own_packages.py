"""A user's own `tasks` or `flows` beside the notebook would hide the distribution's: it is said, not guessed."""

import subprocess
import sys
from pathlib import Path

import pytest

from hindsight.own_packages import check_own_packages
from tasks.common.settings import project_root


def run_in(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Python started in a folder, which comes before all others on sys.path; hindsight as in this process."""
    environment = {"PYTHONPATH": str(project_root()), "PATH": ""}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def make_package(folder: Path) -> Path:
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('the other package was run')\n")
    return folder


def make_module(folder: Path) -> Path:
    file = folder.with_suffix(".py")
    file.write_text("raise SystemExit('the other module was run')\n")
    return file


@pytest.mark.parametrize("make", [make_package, make_module])
def test_another_tasks_is_named_beside_ours_with_the_way_out_and_is_not_run(make, tmp_path):
    other = make(tmp_path / "tasks").resolve()
    failed = run_in(tmp_path, "import hindsight; hindsight.measure")
    last = failed.stderr.splitlines()[-1]
    assert last.startswith(
        f"ImportError: hindsight needs its own package tasks in {project_root() / 'tasks'}, but Python finds {other} "
        f"first. Rename {other}, or start Python where {tmp_path.resolve()} is not on sys.path"
    )
    assert failed.returncode == 1


def test_a_package_that_was_imported_before_is_named_too(tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "__init__.py").touch()
    failed = run_in(tmp_path, "import tasks\nfrom hindsight import measure")
    assert f"but Python finds {(tmp_path / 'tasks').resolve()} first" in failed.stderr.splitlines()[-1]


def test_both_ways_out_are_true(tmp_path):
    (tmp_path / "work").mkdir()
    other = make_package(tmp_path / "work" / "tasks")
    use = "from hindsight import HindsightError; print('fine')"
    assert run_in(tmp_path, use).stdout == "fine\n"
    other.rename(other.with_name("my_tasks"))
    assert run_in(tmp_path / "work", use).stdout == "fine\n"


def test_a_package_that_a_name_does_not_need_hides_nothing(tmp_path):
    make_package(tmp_path / "deployments")
    assert run_in(tmp_path, "from hindsight import HindsightError; print('fine')").stdout == "fine\n"
    failed = run_in(tmp_path, "from hindsight.own_packages import check_own_packages as check; check()")
    assert "hindsight needs its own package deployments" in failed.stderr.splitlines()[-1]


def test_a_folder_that_is_no_package_hides_nothing_where_ours_is_on_the_path(tmp_path):
    for name in ("tasks", "flows", "deployments"):
        (tmp_path / name).mkdir()
    run = run_in(tmp_path, "from hindsight.own_packages import check_own_packages as check; check(); print('fine')")
    assert run.stdout == "fine\n"


def test_the_command_line_checks_before_it_imports(tmp_path):
    make_package(tmp_path / "flows")
    failed = run_in(tmp_path, "import hindsight.cli.main")
    assert failed.stderr.splitlines()[-1].startswith("ImportError: hindsight needs its own package flows in ")


def test_our_own_packages_are_ours():
    check_own_packages()
