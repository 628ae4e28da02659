"""The worked example of docs/extend.md: its edits add a stage to a copy of the project, which is deployed and run."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client

from tasks.common.settings import project_root
from tasks.panel.config import ARTIFACT_TYPE as PANEL
from tasks.panel.config import PanelConfig
from tasks.store.catalogue import resolve
from tasks.store.store import Store
from tests.flows.stage_runs import finished, send
from tests.local_stack import Stack

PAGE = project_root() / "docs" / "extend.md"
NEW_FILE = re.compile(r"```python title=\"(\S+)\"\n(.*?)```", re.DOTALL)
EDIT = re.compile(r"```diff\n(--- a/(\S+)\n.*?)```", re.DOTALL)
MAX_PLACES = 5

RUN_INLINE = """
from pathlib import Path
from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.pipelines.pipeline import Pipeline
from flows.runner.inline import run_inline
from tasks.recipe import load_recipe
steps = leakage_premium_pipeline(load_recipe(Path("configs/smoke.yaml"))).steps
refs = run_inline(Pipeline("toy", tuple(step for step in steps if step.name in ("panel", "coverage"))))
print(refs["coverage"].path)
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the page's edits."""
    copy = tmp_path_factory.mktemp("extended")
    for folder in ("hindsight", "flows", "tasks", "deployments", "configs"):
        shutil.copytree(project_root() / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("prefect.yaml", "prefect.toml", "pyproject.toml"):
        shutil.copy(project_root() / file, copy / file)
    text = PAGE.read_text(encoding="utf-8")
    for name, content in NEW_FILE.findall(text):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(content, encoding="utf-8")
    for edit, _ in EDIT.findall(text):
        subprocess.run(["git", "apply", "-"], cwd=copy, input=edit, text=True, check=True)
    return copy


def environment(extended: Path, extra: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **extra, "PYTHONPATH": str(extended), "HINDSIGHT_ROOT": str(extended)}


def run(extended: Path, *arguments: str, **extra: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=extended, env=environment(extended, extra), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_stage_takes_five_places_at_most() -> None:
    text = PAGE.read_text(encoding="utf-8")
    packages = {str(Path(name).parent) for name, _ in NEW_FILE.findall(text)}
    edited = {name for _, name in EDIT.findall(text)}
    assert len(packages) == 1
    assert len(packages | edited) == MAX_PLACES


def test_the_pages_edits_apply(extended: Path) -> None:
    assert all((extended / name).is_file() for name, _ in NEW_FILE.findall(PAGE.read_text(encoding="utf-8")))


@pytest.mark.slow
def test_the_new_stage_runs_inline_and_is_planned(extended: Path, tmp_path: Path) -> None:
    state = {"HINDSIGHT_STATE": str(tmp_path / "toy")}
    path = run(extended, "-c", RUN_INLINE, **state).strip()
    store = Store(str(tmp_path / "toy" / "store"), tmp_path / "cache")
    facts = store.record(resolve(store, path)).facts
    assert (facts["n_stocks"], facts["n_sparse"]) == (20, 0)
    planned = run(extended, "-m", "hindsight", "plan", "smoke", **state)
    assert re.search(r"^coverage +exists ", planned, re.MULTILINE)


@pytest.mark.server
@pytest.mark.slow
def test_the_new_stage_is_deployed_run_and_found_in_the_store(extended: Path, on_stack: Stack) -> None:
    connection = {"PREFECT_API_URL": on_stack.api, "PREFECT_HOME": str(on_stack.state / "prefect")}
    described = yaml.safe_load((extended / "prefect.yaml").read_text())
    # Only the new deployment: the others keep pointing to the project.
    described["deployments"] = [each for each in described["deployments"] if "stage:coverage" in each.get("tags", [])]
    for each in described["deployments"]:
        each["work_pool"]["job_variables"] = {"env": {"PYTHONPATH": str(extended)}}
    (extended / "coverage.yaml").write_text(yaml.safe_dump(described))
    deploy = ("-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", "coverage.yaml")
    run(extended, *deploy, **connection)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("coverage/cpu")
    assert set(deployment.parameter_openapi_schema["properties"]) == {"config", "panel"}
    panel = finished(send("panel/cpu", {"config": PanelConfig(n_stocks=3, dates_per_stock=60, seed=911).model_dump()}))
    assert panel.state.is_completed(), panel.state.message
    store = Store(str(on_stack.store), on_stack.state / "cache")
    spec = PANEL.spec(PanelConfig(n_stocks=3, dates_per_stock=60, seed=911))
    reference = store.find(spec).model_dump(mode="json")
    done = finished(send("coverage/cpu", {"config": {"min_days": 100}, "panel": reference}))
    assert done.state.is_completed(), done.state.message
    record = store.record(resolve(store, "coverage/sp500-3x60/latest"))
    assert (record.facts["n_stocks"], record.facts["n_sparse"]) == (3, 3)
