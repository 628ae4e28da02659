"""The order of the stages, and where each is sent."""

import subprocess
import sys

import pytest
import yaml

from deployments.pools import pool_files
from deployments.steps import recipe as recipe_step
from flows.pipelines.leakage_premium import leakage_premium_steps
from flows.runner.routing import deployment_of
from flows.runner.table import STAGES, stage_name, stage_of
from tasks.common.settings import project_root
from tasks.recipe import Recipe

RECIPE = Recipe(name="x")
WITH_PLACEBO = Recipe(name="x", placebo=True)
WITH_STAGED_PRICES = Recipe(name="x", panel={"source": {"kind": "jpx"}})


def trace(recipe: Recipe = RECIPE) -> dict[str, tuple[set[str], set[str]]]:
    """Each step with what goes into it and what it waits for."""
    steps: dict[str, tuple[set[str], set[str]]] = {}

    def run(step, config, *, after=(), **inputs):
        steps[step] = (set(inputs.values()), set(after))
        return step

    assert leakage_premium_steps(recipe, run) == "report"
    return steps


PLACEBO_ARM = ["train placebo", "merge placebo", "embed placebo"]


@pytest.mark.parametrize(("recipe", "arms"), [(RECIPE, []), (WITH_PLACEBO, PLACEBO_ARM)], ids=["plain", "placebo"])
def test_no_gpu_is_rented_before_preflight_has_passed(recipe: Recipe, arms: list[str]) -> None:
    steps = trace(recipe)

    def is_behind_preflight(step: str) -> bool:
        inputs, after = steps[step]
        return "preflight" in inputs | after or any(is_behind_preflight(source) for source in inputs)

    rented = [step for step in steps if not deployment_of(step, recipe).endswith("/cpu")]
    assert rented == ["embed base", "train", "merge", "embed trained", *arms]
    assert all(map(is_behind_preflight, rented))


def test_the_trained_model_reaches_the_premium_only_through_the_merge() -> None:
    steps = trace()
    assert steps["merge"][0] == {"base", "train"}
    assert steps["embed trained"][0] == {"panel", "merge"}
    assert steps["premium"][0] == {"panel", "embed base", "embed trained"}


def test_the_placebo_goes_the_trained_models_way_with_other_text_alone() -> None:
    steps, configs = trace(WITH_PLACEBO), {}

    def run(step, config, **others):
        configs[step] = config
        return step

    leakage_premium_steps(WITH_PLACEBO, run)
    for step in ("train", "merge", "embed trained"):
        other = f"{step.removesuffix(' trained')} placebo"
        assert configs[step] == configs[other]
        own = {"corpus": "corpus placebo", "train": "train placebo", "merge": "merge placebo"}
        assert steps[other][0] == {own.get(source, source) for source in steps[step][0]}
    assert configs["corpus placebo"] == configs["corpus"].model_copy(update={"side": "after"})
    assert "corpus placebo" in steps["preflight"][0]
    assert "embed placebo" in steps["premium"][0]


def test_without_the_switch_nothing_of_a_placebo_runs() -> None:
    assert [step for step in trace() if "placebo" in step] == []


@pytest.mark.parametrize("recipe", [RECIPE, WITH_PLACEBO, WITH_STAGED_PRICES], ids=["plain", "placebo", "prices"])
def test_a_stages_inputs_are_its_flows_parameters_and_only_optional_ones_may_be_absent(recipe: Recipe) -> None:
    def run(step, config, *, after=(), **inputs):
        parameters = stage_of(step).flow.parameters
        assert {"config", *inputs} <= set(parameters.properties)
        assert set(parameters.required) <= {"config", *inputs}
        return step

    leakage_premium_steps(recipe, run)


def test_no_stage_has_a_parameter_that_no_recipe_fills() -> None:
    filled: dict[str, set[str]] = {}

    def run(step, config, *, after=(), **inputs):
        filled.setdefault(stage_name(step), {"config"}).update(inputs)
        return step

    for recipe in (WITH_PLACEBO, WITH_STAGED_PRICES):
        leakage_premium_steps(recipe, run)
    assert filled == {name: set(stage.flow.parameters.properties) for name, stage in STAGES.items()}


@pytest.mark.parametrize(
    ("step", "route", "deployment"),
    [
        ("corpus", {}, "corpus/cpu"),
        ("train", {}, "train/h100"),
        ("train", {"train": "h100x8"}, "train/h100x8"),
        ("merge", {"merge": "cpu"}, "merge/cpu"),
        ("embed trained", {}, "embed/h100"),
        ("corpus placebo", {}, "corpus/cpu"),
        ("train placebo", {"train": "h100x8"}, "train/h100x8"),
    ],
)
def test_the_route_decides_the_pool(step: str, route: dict[str, str], deployment: str) -> None:
    assert deployment_of(step, Recipe(name="x", route=route)) == deployment


def test_prefect_yaml_has_every_deployment_the_route_can_name_and_no_unknown_pool() -> None:
    described = yaml.safe_load((project_root() / "prefect.yaml").read_text())["deployments"]
    deployed = {f"{entry['entrypoint'].split('.')[-1]}/{entry['name']}" for entry in described}
    routes = [{}, {"train": "h100x8", "merge": "cpu", "embed": "cpu"}]
    needed = {
        deployment_of(step, Recipe(name="x", route=route)) for route in routes for step in trace(WITH_STAGED_PRICES)
    }
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
