"""The order of the stages, and where each is sent."""

import subprocess
import sys

import pytest
import yaml

from deployments.pools import pool_files
from deployments.steps import recipe as recipe_step
from flows.pipeline import leakage_premium_steps
from flows.routing import deployment_of
from flows.stages import STAGES, stage_of
from tasks.recipe import Recipe
from tasks.settings import project_root

RECIPE = Recipe(name="x")


def trace() -> dict[str, tuple[set[str], set[str]]]:
    """Each step with what goes into it and what it waits for."""
    steps: dict[str, tuple[set[str], set[str]]] = {}

    def run(step, config, *, after=(), **inputs):
        steps[step] = (set(inputs.values()), set(after))
        return step

    assert leakage_premium_steps(RECIPE, run) == "report"
    return steps


def test_no_gpu_is_rented_before_preflight_has_passed() -> None:
    steps = trace()

    def is_behind_preflight(step: str) -> bool:
        inputs, after = steps[step]
        return "preflight" in inputs | after or any(is_behind_preflight(source) for source in inputs)

    rented = [step for step in steps if not deployment_of(step, RECIPE).endswith("/cpu")]
    assert rented == ["train", "merge", "embed base", "embed trained"]
    assert all(map(is_behind_preflight, rented))


def test_the_trained_model_reaches_the_premium_only_through_the_merge() -> None:
    steps = trace()
    assert steps["merge"][0] == {"base", "train"}
    assert steps["embed trained"][0] == {"panel", "merge"}
    assert steps["premium"][0] == {"panel", "embed base", "embed trained"}


def test_a_stages_inputs_are_its_flows_parameters() -> None:
    def run(step, config, *, after=(), **inputs):
        parameters = stage_of(step).flow.parameters.properties
        assert set(parameters) == {"config", *inputs}
        return step

    leakage_premium_steps(RECIPE, run)


@pytest.mark.parametrize(
    ("step", "route", "deployment"),
    [
        ("corpus", {}, "corpus/cpu"),
        ("train", {}, "train/h100"),
        ("train", {"train": "h100x8"}, "train/h100x8"),
        ("merge", {"merge": "cpu"}, "merge/cpu"),
        ("embed trained", {}, "embed/h100"),
    ],
)
def test_the_route_decides_the_pool(step: str, route: dict[str, str], deployment: str) -> None:
    assert deployment_of(step, Recipe(name="x", route=route)) == deployment


def test_prefect_yaml_has_every_deployment_the_route_can_name_and_no_unknown_pool() -> None:
    described = yaml.safe_load((project_root() / "prefect.yaml").read_text())["deployments"]
    deployed = {f"{entry['entrypoint'].split('.')[-1]}/{entry['name']}" for entry in described}
    routes = [{}, {"train": "h100x8", "merge": "cpu", "embed": "cpu"}]
    needed = {deployment_of(step, Recipe(name="x", route=route)) for route in routes for step in trace()}
    assert needed <= deployed
    assert {entry["work_pool"]["name"] for entry in described} == {file.stem for file in pool_files()}


def test_a_deployments_parameters_are_what_its_recipe_file_says() -> None:
    file = project_root() / "configs" / "smoke.yaml"
    parameters = recipe_step("configs/smoke.yaml")["parameters"]["recipe"]
    assert parameters.keys() == yaml.safe_load(file.read_text()).keys()
    assert Recipe.model_validate(parameters).name == "smoke"


def test_flows_are_loaded_without_torch() -> None:
    heavy = (
        "import flows.leakage_premium, sys; print([m for m in ('torch', 'transformers', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True, cwd=project_root())
    assert done.stdout.strip().endswith("[]")


def test_every_stage_has_a_flow_of_its_name() -> None:
    assert {name: stage.flow.name for name, stage in STAGES.items()} == {name: name for name in STAGES}
    assert {name: stage.room.kind for name, stage in STAGES.items()} == {name: name for name in STAGES}
