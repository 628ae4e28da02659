"""The order of the steps, the registry of stages, and where each step is sent."""

import subprocess
import sys
from importlib import import_module

import pytest
import yaml

from deployments.pools import pool_files
from deployments.steps import recipe as recipe_step
from flows.pipelines.leakage_premium import leakage_premium_pipeline, leakage_premium_steps
from flows.pipelines.live_update import Swap, Update, live_swap_pipeline, live_update_pipeline
from flows.pipelines.pipeline import Pipeline, Step
from flows.pipelines.registry import PIPELINES, load, pipeline_of
from flows.server.arguments import stage_arguments
from flows.stages import STAGES
from flows.status import pool_of
from tasks.adapter_release import AdapterRelease
from tasks.audit import Audit
from tasks.common.settings import project_root
from tasks.recipe import Recipe, Route
from tasks.store.refs import ArtifactRef

RECIPE = Recipe(name="x")
WITH_PLACEBO = Recipe(name="x", placebo=True)
WITH_STAGED_PRICES = Recipe(name="x", panel={"source": {"kind": "jpx"}})
PROBE = {"corpus": {"source": {"kind": "sotu"}, "cutoff": "2026-12-31"}}
WITH_PROBES = Recipe(name="x", placebo=True, probe=PROBE)
AUDIT = load(project_root() / "configs" / "audit-smoke.yaml")
API = {"name": "api", "cutoff": "unknown", "vectors": {"file": "https://example.org/vectors.parquet"}}
WITH_VECTORS = Audit.model_validate(AUDIT.model_dump(mode="json") | {"models": [API]})
PROBED_AUDIT = Audit.model_validate(AUDIT.model_dump(mode="json") | {"probe": {}})
CHECK = load(project_root() / "configs" / "direction-fx.yaml")
RELEASE = AdapterRelease(name="x")
LIVE = load(project_root() / "configs" / "live-forex-smoke.yaml")
REF = ArtifactRef(kind="live_look", label="x", key="0" * 16, digest="0" * 64)
UPDATE = Update(base=REF, adapter=REF, before=REF)
PLACEBO_ARM = ["train placebo", "merge placebo", "embed placebo"]


def steps_of(recipe: Recipe = RECIPE) -> dict[str, Step]:
    return {step.name: step for step in leakage_premium_steps(recipe)}


def arguments_of(step: Step) -> set[str]:
    return {*stage_arguments(STAGES[step.stage].publish.fn, step.config, step.inputs)}


def sources(step: Step) -> set[str]:
    return set(step.inputs.values())


@pytest.mark.parametrize(("recipe", "arms"), [(RECIPE, []), (WITH_PLACEBO, PLACEBO_ARM)], ids=["plain", "placebo"])
def test_no_gpu_is_rented_before_preflight_has_passed(recipe: Recipe, arms: list[str]) -> None:
    steps = steps_of(recipe)

    def is_behind_preflight(step: str) -> bool:
        needs = steps[step].needs
        return "preflight" in needs or any(map(is_behind_preflight, needs))

    rented = [name for name, step in steps.items() if pool_of(step) != "cpu"]
    assert rented == ["embed base", "train", "merge", "embed trained", *arms]
    assert all(map(is_behind_preflight, rented))


def test_the_trained_model_reaches_the_premium_only_through_the_merge() -> None:
    steps = steps_of()
    assert sources(steps["merge"]) == {"base", "train"}
    assert sources(steps["embed trained"]) == {"panel", "merge"}
    assert sources(steps["premium"]) == {"panel", "embed base", "embed trained"}
    assert leakage_premium_pipeline(RECIPE).result.name == "report"


def test_the_placebo_differs_from_the_trained_model_in_its_text_alone() -> None:
    steps = steps_of(WITH_PLACEBO)
    for name in ("train", "merge", "embed trained"):
        other = f"{name.removesuffix(' trained')} placebo"
        assert steps[name].config == steps[other].config
        own = {"corpus": "corpus placebo", "train": "train placebo", "merge": "merge placebo"}
        assert sources(steps[other]) == {own.get(source, source) for source in sources(steps[name])}
    assert steps["corpus placebo"].config == steps["corpus"].config.model_copy(update={"side": "after"})
    assert "corpus placebo" in sources(steps["preflight"])
    assert "embed placebo" in sources(steps["premium"])


def test_each_model_is_asked_the_same_items_and_the_report_waits_for_their_figures() -> None:
    steps = steps_of(WITH_PROBES)
    models = {"base": "base", "trained": "merge", "placebo": "merge placebo"}
    for name, model in models.items():
        assert steps[f"probe {name}"].inputs == {"model": model, "items": "probe items"}
        assert steps[f"probe {name}"].after == ("preflight",)
    assert sources(steps["probe items"]) == {"panel", "probe corpus", "corpus", "corpus placebo"}
    assert sources(steps["recall"]) == {"panel", "premium", "probe items", *(f"probe {name}" for name in models)}
    assert "recall" in sources(steps["report"])
    # Items that cannot be made are refused before anything is rented.
    assert steps["preflight"].inputs["items"] == "probe items"


def test_probes_change_no_other_artifacts_key_and_without_them_nothing_of_them_runs() -> None:
    plain, probed = steps_of(WITH_PLACEBO), steps_of(WITH_PROBES)
    assert set(probed) - set(plain) == {
        "probe corpus", "probe items", "recall", *(f"probe {name}" for name in ("base", "trained", "placebo")),
    }  # fmt: skip
    for name, step in plain.items():
        if name not in ("preflight", "report"):
            assert (step.config.identity(), step.inputs) == (probed[name].config.identity(), probed[name].inputs)
    assert "probe" not in WITH_PLACEBO.identity()


def test_an_audits_models_are_asked_and_its_vectors_are_not() -> None:
    content = AUDIT.model_dump(mode="json")
    both = Audit.model_validate(content | {"models": [*content["models"], API], "probe": {}})
    steps = {step.name: step for step in pipeline_of(both).steps}
    assert [name for name, step in steps.items() if step.stage == "probe"] == ["probe older", "probe newer"]
    assert sources(steps["recall"]) == {"panel", "premium", "probe items", "probe older", "probe newer"}
    assert steps["recall"].config.reference == "older"
    assert set(steps["recall"].config.cutoffs) == {"older", "newer"}


def test_without_the_switch_nothing_of_a_placebo_runs() -> None:
    assert [step for step in steps_of() if "placebo" in step] == []


@pytest.mark.parametrize(("recipe", "trainings"), [(RECIPE, 1), (WITH_PLACEBO, 2)], ids=["plain", "placebo"])
def test_preflight_runs_anew_while_any_training_is_still_to_come(recipe: Recipe, trainings: int) -> None:
    assert steps_of(recipe)["preflight"].rerun_until_built == ("train", "train placebo")[:trainings]


@pytest.mark.parametrize(
    "recipe", [RECIPE, WITH_PLACEBO, WITH_STAGED_PRICES, WITH_PROBES], ids=["plain", "placebo", "prices", "probes"]
)
def test_a_steps_inputs_are_its_flows_parameters_and_only_optional_ones_may_be_absent(recipe: Recipe) -> None:
    for step in leakage_premium_steps(recipe):
        parameters = STAGES[step.stage].flow.parameters
        assert arguments_of(step) <= set(parameters.properties)
        assert set(parameters.required) <= arguments_of(step)


def test_no_stage_has_a_parameter_that_no_recipe_fills() -> None:
    filled: dict[str, set[str]] = {}
    recipes = (WITH_PLACEBO, WITH_PROBES, WITH_STAGED_PRICES, AUDIT, PROBED_AUDIT, WITH_VECTORS, CHECK, RELEASE)
    live = live_update_pipeline(LIVE, UPDATE), live_swap_pipeline(LIVE, Swap(UPDATE, "v0", REF))
    for pipeline in (*map(pipeline_of, recipes), *live):
        for step in pipeline.steps:
            filled.setdefault(step.stage, set()).update(arguments_of(step))
    assert filled == {name: set(stage.flow.parameters.properties) for name, stage in STAGES.items()}


@pytest.mark.parametrize(
    ("step", "route", "pool"),
    [
        ("corpus", {}, "cpu"),
        ("train", {}, "h100"),
        ("train", {"train": "h100x8"}, "h100x8"),
        ("merge", {"merge": "cpu"}, "cpu"),
        ("embed trained", {}, "h100"),
        ("corpus placebo", {}, "cpu"),
        ("train placebo", {"train": "h100x8"}, "h100x8"),
        ("probe trained", {}, "h100"),
        ("probe base", {"probe": "cpu"}, "cpu"),
    ],
)
def test_the_route_decides_the_pool(step: str, route: dict[str, str], pool: str) -> None:
    assert pool_of(steps_of(Recipe(name="x", placebo=True, route=route, probe=PROBE))[step]) == pool


def test_prefect_yaml_deploys_every_stage_on_every_pool_of_its_row_and_nothing_else() -> None:
    described = yaml.safe_load((project_root() / "prefect.yaml").read_text())["deployments"]
    stages = [entry for entry in described if entry["entrypoint"].startswith("flows.stages.")]
    expected = [
        {
            "name": pool,
            "entrypoint": f"flows.stages.{name}",
            "work_pool": {"name": pool},
            "tags": [f"stage:{name}"],
            "enforce_parameter_schema": True,
            # A node of eight is rented whole.
            **({"concurrency_limit": {"limit": 1, "collision_strategy": "ENQUEUE"}} if pool == "h100x8" else {}),
        }
        for name, stage in STAGES.items()
        for pool in stage.pools
    ]
    assert stages == expected
    assert {entry["work_pool"]["name"] for entry in described} == {file.stem for file in pool_files()}


def test_a_recipes_route_offers_the_pools_of_the_stages_row_with_the_same_default() -> None:
    for stage, field in Route.model_fields.items():
        assert set(field.annotation.__args__) == set(STAGES[stage].pools)
        assert field.default == STAGES[stage].pools[0]


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


def test_every_stage_has_a_flow_of_its_name_with_its_tasks_parameters_and_help() -> None:
    for name, stage in STAGES.items():
        assert (stage.flow.name, stage.artifact_type.kind) == (name, name)
        described = stage.flow.parameters.properties
        assert [parameter for parameter, schema in described.items() if not schema.get("description")] == []
        assert stage.flow.description.splitlines()[0] == stage.publish.description.splitlines()[0]


def test_a_stage_that_is_not_registered_is_refused_with_the_names_there_are() -> None:
    import flows.stages

    with pytest.raises(AttributeError, match="no stage 'trian'; it has base, corpus, "):
        flows.stages.trian  # noqa: B018 - the access is what is tested


def test_a_pipeline_refuses_two_steps_of_one_name_and_a_step_before_what_it_needs() -> None:
    base = Step("base", "base", RECIPE.base)
    with pytest.raises(ValueError, match="two steps named 'base'; rename one"):
        Pipeline("x", (base, base))
    with pytest.raises(ValueError, match="step 'merge' of pipeline x needs train, which no earlier step is named"):
        Pipeline("x", (base, Step("merge", "merge", RECIPE.merge, inputs={"base": "base", "train": "train"})))


def test_a_rows_flow_has_the_pipelines_name_and_takes_its_config() -> None:
    for name, row in PIPELINES.items():
        module, flow = row.flow.rpartition(".")[::2]
        found = getattr(import_module(module), flow)
        assert found.name == name
        assert found.fn.__annotations__["recipe"] is row.config


def test_no_model_of_an_audit_is_embedded_before_preflight_has_passed_and_each_is_embedded_alone() -> None:
    steps = {step.name: step for step in pipeline_of(AUDIT).steps}
    assert [name for name, step in steps.items() if step.stage == "embed"] == ["embed older", "embed newer"]
    for name in ("older", "newer"):
        assert steps[f"embed {name}"].after == ("preflight",)
        assert sources(steps[f"embed {name}"]) == {"panel", f"model {name}"}
    assert sources(steps["premium"]) == {"panel", "embed older", "embed newer"}
    assert steps["premium"].config.reference == "older"


def test_vectors_brought_along_take_a_models_place_and_are_compared_with_the_panel_before_preflight_passes() -> None:
    steps = {step.name: step for step in pipeline_of(WITH_VECTORS).steps}
    assert list(steps) == ["panel", "vectors api", "preflight", "premium", "report"]
    assert steps["preflight"].inputs == {"panel": "panel", "api": "vectors api"}
    assert steps["premium"].inputs == {"panel": "panel", "api": "vectors api"}


def test_an_update_trains_from_production_only_after_both_can_be_asked_and_a_plan_of_it_needs_no_store() -> None:
    steps = {step.name: step for step in live_update_pipeline(LIVE, UPDATE).steps}
    assert steps["train"].inputs == {"base": "production base", "corpus": "rows", "start": "production"}
    assert steps["train"].after == ("forecast production",)
    forecasts = [steps[f"forecast {name}"] for name in ("production", "candidate")]
    assert [step.inputs["adapter"] for step in forecasts] == ["production", "train"]
    assert forecasts[0].config == forecasts[1].config
    assert pipeline_of(LIVE).known == {}
    assert [step.name for step in pipeline_of(LIVE).steps] == list(steps)
