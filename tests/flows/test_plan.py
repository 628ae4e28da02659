"""The plan of a run: what exists, what would run, where, for how long, and why. Nothing is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.plan import plan_rows
from flows.runner.from_stage import StageNotRun
from flows.runner.planner import PlannedStep, plan_steps, plan_table
from flows.status import spec_of
from hindsight.cli.main import main
from tasks.common.settings import project_root
from tasks.common.text import SECONDS_PER_HOUR, duration
from tasks.preflight.forecast import forecast
from tasks.preflight.planned_run import PlannedRun
from tasks.recipe import Recipe, load_recipe
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store
from tests.architectures import qwen_35b

RECIPE = Recipe(name="x")
FORECAST = {
    "embed base": {"pool": "h100", "hours": [1.0, 2.0], "dollars": [2.39, 4.78]},
    "train": {"pool": "h100", "hours": [3.0, 4.0], "dollars": [7.17, 9.56]},
}


@pytest.fixture
def store() -> Store:
    return open_store()


def publish(store: Store, recipe: Recipe, folder: Path, until: str) -> dict[str, ArtifactRef]:
    """Every step's artifact up to one of them, of a few bytes each."""
    folder.mkdir(exist_ok=True)
    refs: dict[str, ArtifactRef] = {}
    for step in leakage_premium_pipeline(recipe).steps:
        spec = spec_of(step, refs)
        (folder / "own.txt").write_text(spec.key)
        facts = {"forecast": FORECAST} if step.name == "preflight" else {}
        refs[step.name] = store.publish(spec, folder, facts, 1.0)
        if step.name == until:
            break
    return refs


def planned(recipe: Recipe, store: Store, from_stage: str = "missing") -> dict[str, PlannedStep]:
    return {row.name: row for row in plan_steps(leakage_premium_pipeline(recipe), store, from_stage)}


def test_in_an_empty_store_every_step_runs_on_the_pool_of_its_route(store: Store) -> None:
    rows = planned(RECIPE, store)
    assert {row.status for row in rows.values()} == {"runs"}
    assert rows["base"].reason == "the store has no base artifact"
    assert rows["train"].reason == "its input base does not exist yet"
    assert [name for name, row in rows.items() if row.pool == "h100"] == [
        "embed base",
        "train",
        "merge",
        "embed trained",
    ]


def test_what_exists_is_named_and_preflights_forecast_prices_what_is_to_come(store: Store, tmp_path: Path) -> None:
    refs = publish(store, RECIPE, tmp_path / "made", "embed base")
    rows = planned(RECIPE, store)
    assert (rows["corpus"].status, rows["corpus"].reason) == ("exists", refs["corpus"].path)
    assert (rows["corpus"].hours, rows["corpus"].dollars) == (None, None)
    assert (rows["train"].status, rows["train"].reason) == ("runs", "the store has no train artifact")
    assert rows["train"].hours == (3.0, 4.0)
    assert rows["train"].dollars == (pytest.approx(3 * 2.39), pytest.approx(4 * 2.39))
    assert (rows["preflight"].status, rows["preflight"].reason) == ("is checked again", "train is still to run")


def test_a_whole_run_leaves_nothing_to_run(store: Store, tmp_path: Path) -> None:
    publish(store, RECIPE, tmp_path / "made", "report")
    assert {row.status for row in planned(RECIPE, store).values()} == {"exists"}
    assert plan_table(plan_steps(leakage_premium_pipeline(RECIPE), store))[-1]["status"] == "0 of 10"


def test_the_first_field_that_differs_from_the_nearest_artifact_is_the_reason(store: Store, tmp_path: Path) -> None:
    far = RECIPE.model_copy(update={"train": RECIPE.train.model_copy(update={"seed": 5, "learning_rate": 1e-3})})
    publish(store, far, tmp_path / "made", "train")
    near = publish(store, RECIPE, tmp_path / "made", "train")["train"]
    asked = RECIPE.model_copy(update={"train": RECIPE.train.model_copy(update={"seed": 7})})
    row = planned(asked, store)["train"]
    assert row.reason.startswith(f"nearest is {near.path}: there config.seed is {RECIPE.train.seed}")
    assert "7" in row.reason


def test_from_a_stage_on_it_and_what_is_made_from_it_are_rebuilt(store: Store, tmp_path: Path) -> None:
    publish(store, RECIPE, tmp_path / "made", "report")
    rows = planned(RECIPE, store, "merge")
    assert [name for name, row in rows.items() if row.status == "is rebuilt"] == [
        "merge",
        "embed trained",
        "premium",
        "report",
    ]
    with pytest.raises(StageNotRun, match="its stages are base, corpus"):
        planned(RECIPE, store, "mergw")


def test_the_command_prints_the_table_and_publishes_nothing(capsys: pytest.CaptureFixture[str], store: Store) -> None:
    assert main(["plan", "smoke"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("plan of smoke on ")
    assert [line.split()[0] for line in lines[2:5]] == ["step", "base", "corpus"]
    assert lines[-1].startswith("all steps that run  10 of 10")
    assert list(store.objects.list("")) == []


def test_the_command_refuses_a_stage_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "smoke", "--from-stage", "trian"]) == 1
    assert "from_stage='trian' is not a stage of smoke; its stages are base," in capsys.readouterr().err


def test_before_preflight_rented_steps_are_estimated_from_the_recipe_and_the_bases_config_alone(tmp_path: Path) -> None:
    recipe = load_recipe(project_root() / "configs" / "fineweb-2017-26-lora.yaml")
    source = recipe.base.source
    snapshots = tmp_path / "hub" / f"models--{source.repo.replace('/', '--')}" / "snapshots"
    qwen_35b().save_pretrained(snapshots / source.revision)
    done = subprocess.run(
        [sys.executable, "-m", "hindsight", "plan", "fineweb-2017-26-lora"],
        cwd=project_root(),
        env={**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    expected = forecast(PlannedRun.of(recipe, qwen_35b(), recipe.panel.n_stocks * recipe.panel.dates_per_stock))
    assert [stage.step for stage in expected] == ["embed base", "train", "merge", "embed trained"]
    for stage in expected:
        low, high = (duration(hours * SECONDS_PER_HOUR) for hours in (stage.hours.low, stage.hours.high))
        assert (low if low == high else f"{low} to {high}") in rows[stage.step]
        assert "the recipe alone" in rows[stage.step]


def test_where_the_hub_does_not_give_the_bases_config_the_plan_says_so_and_still_shows_the_steps(
    caplog: pytest.LogCaptureFixture, store: Store
) -> None:
    rows = plan_rows(load_recipe(project_root() / "configs" / "fineweb-2017-26-lora.yaml"), store)
    assert "rented steps are not estimated: model Qwen/Qwen3.5-35B-A3B-Base at revision 0f0813072d23" in caplog.text
    assert rows[-1]["status"] == "11 of 11"


def test_a_store_that_cannot_be_written_is_refused_as_for_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "file" / "store"))
    assert main(["plan", "smoke"]) == 1
    assert "file/store cannot be written: NotADirectoryError" in capsys.readouterr().err


def test_an_unknown_log_level_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HINDSIGHT_LOG", "verbose")
    assert main(["plan", "smoke"]) == 1
    assert "HINDSIGHT_LOG='VERBOSE' is unknown; set it to DEBUG, INFO, WARNING or ERROR" in capsys.readouterr().err


def test_a_record_that_cannot_be_read_is_named_and_hides_no_other(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    near = publish(store, RECIPE, tmp_path / "made", "train")["train"]
    other = RECIPE.model_copy(update={"train": RECIPE.train.model_copy(update={"seed": 5})})
    cut = publish(store, other, tmp_path / "made", "train")["train"]
    store.objects.write(f"{cut.path}/record.json", b"{")
    asked = RECIPE.model_copy(update={"train": RECIPE.train.model_copy(update={"seed": 7})})
    assert planned(asked, store)["train"].reason.startswith(f"nearest is {near.path}")
    assert "not compared with: " in caplog.text
    assert cut.path in caplog.text
