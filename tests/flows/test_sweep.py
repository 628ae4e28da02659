"""Sweeps through a real server and workers: what starts, what a retry finds, how it ends, and the table of all runs."""

import csv
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Cancelling

from flows.sweep import sweep
from hindsight.cli.main import main
from tasks.store.store import open_store
from tasks.sweep.config import SweepConfig
from tasks.sweep.errors import BadSweep
from tasks.sweep.scores import read_scores
from tests.flows.stage_runs import find_report, finished, until
from tests.flows.sweep_runs import DOOMED, MIXED, Sweeps, endings, recipe, runs_of, start, table, varied
from tests.local_stack import Stack

pytestmark = [pytest.mark.server, pytest.mark.trainer]


@pytest.fixture(scope="module")
def arms(stack: Stack) -> FlowRun:
    """One that compares the arms. It trains them where no earlier module has."""
    with temporary_settings(updates={PREFECT_API_URL: stack.api}):
        return finished(start("sweep/smoke-arms"))


@pytest.fixture(scope="module")
def sweeps(stack: Stack, arms: FlowRun) -> Sweeps:
    """They vary only what stands behind the training."""
    with temporary_settings(updates={PREFECT_API_URL: stack.api}), get_client(sync_client=True) as client:
        doomed = start("sweep/cpu", DOOMED)
        mixed = start("sweep/cpu", MIXED, "by:kim")
        until(lambda: runs_of(doomed))
        client.set_flow_run_state(doomed.id, Cancelling())
        mixed = finished(mixed)
        runs_of_mixed = runs_of(mixed)
        client.set_flow_run_state(mixed.id, AwaitingRetry())
        return Sweeps(doomed, mixed, runs_of_mixed, finished(mixed))


@pytest.mark.slow
def test_lora_against_full_weight_is_held_against_one_base(arms: FlowRun, on_stack: Stack) -> None:
    assert arms.state_name == "Completed", arms.state.message
    rows = table("sweep-smoke-arms")
    assert sorted(row["variation"] for row in rows) == ["smoke", "smoke-full-weight"]
    assert {row["base"] for row in rows} == {"A"}
    assert [row["place"] for row in rows] == ["1", "2"]
    page = (on_stack.state / "sweeps" / "smoke-arms.html").read_text()
    assert all(f"<h3>{row['variation']}</h3>" in page for row in rows)
    store = open_store()
    lora, full = (read_scores(name, find_report(recipe(name), store), store) for name in ("smoke", "smoke-full-weight"))
    assert lora.record.inputs["trained"] != full.record.inputs["trained"]
    assert lora.scores.models["base"].model_dump_json() == full.scores.models["base"].model_dump_json()
    for fit, own in lora.scores.robust.fits.items():
        assert own.models["base"].model_dump_json() == full.scores.robust.fits[fit].models["base"].model_dump_json()


@pytest.mark.slow
def test_one_failing_variation_stops_no_other_and_stands_last_with_its_reason(sweeps: Sweeps, on_stack: Stack) -> None:
    assert endings(sweeps.runs_of_mixed) == {
        "alpha-100": ["Completed"],
        "alpha-1000": ["Completed"],
        "cut-too-late": ["Failed"],
    }
    assert sweeps.mixed.state_name == "Failed"
    assert "1 of 3 variations of sweep mixed ended without a report, first cut-too-late" in sweeps.mixed.state.message
    rows = table("sweep-mixed")
    assert [row["place"] for row in rows] == ["1", "2", "\N{EN DASH}"]
    # Same panel, same seed: the same draws, so that the two are held against each other draw by draw.
    assert rows[1]["behind the best"] != "\N{EN DASH}"
    assert rows[-1]["variation"] == "cut-too-late"
    assert "2031-12-31" in rows[-1]["differs from the first"]
    assert "Failed" in rows[-1]["verdict"]


@pytest.mark.slow
def test_a_retry_starts_what_failed_once_more_and_nothing_else(sweeps: Sweeps, on_stack: Stack) -> None:
    assert sweeps.retried.id == sweeps.mixed.id
    found = {name: len(states) for name, states in endings(runs_of(sweeps.mixed)).items()}
    assert found == {"alpha-100": 1, "alpha-1000": 1, "cut-too-late": 2}


@pytest.mark.slow
def test_only_what_a_variation_changes_is_built_anew(sweeps: Sweeps, on_stack: Stack) -> None:
    store = open_store()
    lineages = [store.lineage(find_report(varied(alpha), store)) for alpha in (100.0, 1000.0)]
    smoke = {record.ref for record in store.lineage(find_report(recipe("smoke"), store))}
    for lineage in lineages:
        assert {record.kind for record in lineage if record.ref not in smoke} == {"preflight", "premium", "report"}


@pytest.mark.slow
def test_a_sweeps_cancel_reaches_its_runs_and_starts_no_other(sweeps: Sweeps, on_stack: Stack) -> None:
    assert finished(sweeps.doomed).state_name == "Cancelled"
    (only,) = runs_of(sweeps.doomed)
    assert finished(only).state_name == "Cancelled"


def test_a_bad_value_is_refused_by_the_api_with_its_bound(on_stack: Stack) -> None:
    deployment = httpx.get(f"{on_stack.api}/deployments/name/sweep/cpu").json()
    bad = {"config": {**MIXED, "at_once": 0}}
    answer = httpx.post(f"{on_stack.api}/deployments/{deployment['id']}/create_flow_run", json={"parameters": bad})
    assert answer.status_code == 409
    assert "0 is less than the minimum of 1" in answer.text


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        ({"train.learning_rate": [1e-3, 7]}, r"train\.learning_rate = 7: input should be less than or equal to 1"),
        ({"train.learning_rat": [1, 2]}, r"train\.learning_rat is an unknown key"),
    ],
)
def test_a_bad_variation_is_refused_before_any_run_starts(on_stack: Stack, grid: dict[str, Any], sentence: str) -> None:
    config = SweepConfig(name="refused", deployment="leakage-premium/smoke", grid=grid)
    with pytest.raises(BadSweep, match=sentence):
        sweep(config)
    with get_client(sync_client=True) as client:
        (own,) = client.read_flow_runs(flow_run_filter=FlowRunFilter(name={"any_": ["refused"]}), limit=1)
    assert runs_of(own) == []


def test_an_unknown_deployment_is_named(on_stack: Stack) -> None:
    grid = {"premium.seed": [1, 2]}
    with pytest.raises(BadSweep, match=r"the server has no deployment leakage-premium/moon"):
        sweep(SweepConfig(name="nowhere", deployment="leakage-premium/moon", grid=grid))


@pytest.mark.slow
def test_every_run_stands_in_the_table_with_who_what_and_how_it_ended(
    sweeps: Sweeps, on_stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, figure = tmp_path / "runs.csv", tmp_path / "spend.svg"
    assert main(["runs", "--csv", str(file), "--figure", str(figure)]) == 0
    printed = capsys.readouterr().out
    # Newest first: of a recipe that ran twice, the newest row stays.
    rows = {row["recipe"]: row for row in reversed(list(csv.DictReader(file.open(newline=""))))}
    good, bad = rows["alpha-100"], rows["cut-too-late"]
    assert (good["who"], good["state"], good["interval"]) == ("kim, sweep", "Completed", "two-way")
    assert good["fit"] == "standardized"
    assert "premium.robust.alphas = 100.0 (1.0, 10.0" in good["differs"]
    assert int(good["tokens_seen"]) == recipe("smoke").train.token_budget
    assert float(good["lookahead_low"]) <= float(good["lookahead_high"])
    scores = read_scores("alpha-100", find_report(varied(100.0), open_store()), open_store()).scores
    assert float(good["lookahead"]) == scores.robust.difference("base - trained")["standardized"].lookahead.point
    assert (bad["state"], bad["lookahead"]) == ("Failed", "")
    assert "PreflightFailed" in bad["reason"]
    assert good["run"] in printed
    assert "train" in figure.read_text()


@pytest.mark.slow
def test_the_same_table_lies_in_prefects_artifacts(sweeps: Sweeps, on_stack: Stack) -> None:
    states = {row["recipe"]: row["state"] for row in table("runs")}
    assert (states["alpha-100"], states["cut-too-late"]) == ("Completed", "Failed")
