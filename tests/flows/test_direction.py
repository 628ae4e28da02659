"""A direction check from its YAML file to its page, without a server."""

from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.schemas import FlowRun
from prefect.states import Completed
from pydantic import ValidationError

from flows.direction_check import direction_check
from flows.pipelines.registry import load, pipeline_of, recipe_of
from flows.runs.read_rows import _reason
from hindsight.cli.main import main
from tasks.common.settings import project_root
from tasks.direction_check import DirectionCheck
from tasks.schemas.artifacts import Report
from tasks.schemas.direction import DirectionScores
from tasks.store.catalogue import resolve
from tasks.store.store import open_store

FILE = project_root() / "configs" / "direction-fx.yaml"
SMALL = """
pipeline: direction-check
name: small
panel:
  source: {kind: ecb_fx}
  n_stocks: 51
  dates_per_stock: 100
  horizon: 5
  last_day: 2015-06-30
  n_last_days: 100
  test_from: 2015-06-01
evaluate: {models: [majority, look-up], n_draws: 20}
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path))
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))
    file = tmp_path / "small.yaml"
    file.write_text(SMALL)
    return file


def test_a_file_is_planned_run_and_printed(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(small)]) == 0
    assert "3 of 3" in capsys.readouterr().out
    assert main(["run", str(small)]) == 0
    printed = capsys.readouterr().out
    assert "accuracy, chronological" in printed
    assert main(["plan", str(small)]) == 0
    assert "0 of 3" in capsys.readouterr().out
    store = open_store()
    scores = DirectionScores.read(store.fetch(resolve(store, "evaluate/ecb_fx-51x100/latest")))
    assert (scores.n_rows, str(scores.last_day), scores.horizon) == (5_100, "2015-06-30", 5)
    report = Report(store.fetch(resolve(store, "direction_report/ecb_fx-51x100/latest")))
    assert [row["model"] for row in report.table()] == ["majority", "look-up"]
    assert "outside window" in report.page.read_text()


def test_what_the_panel_refuses_ends_the_run_with_one_sentence(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small.write_text(SMALL.replace("test_from: 2015-06-01", "test_from: 2014-06-01"))
    assert main(["run", str(small)]) == 1
    assert "drawn rows are on or after test_from=2014-06-01, both sides need some" in capsys.readouterr().err


def test_the_shipped_check_is_the_registrys_and_its_flow_takes_it() -> None:
    check = load(FILE)
    assert isinstance(check, DirectionCheck)
    assert recipe_of({"recipe": check.model_dump(mode="json")}) == check
    assert [step.stage for step in pipeline_of(check).steps] == ["panel", "evaluate", "direction_report"]
    assert direction_check.name == "direction-check"
    assert set(direction_check.parameters.properties) == {"recipe", "from_stage"}


def test_a_completed_check_is_not_said_to_have_lost_the_figures_of_the_measure() -> None:
    run = FlowRun(flow_id=uuid4(), state=Completed())
    assert _reason(run, load(FILE)) == "direction-check has none of these figures; its report has its own"
    audit = load(project_root() / "configs" / "audit-smoke.yaml")
    assert _reason(run, audit).startswith("its figures are not in this store")


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        ({"source": {"kind": "sp500"}}, "panel.source.kind is 'sp500', which has no currency pairs"),
        ({"source": {"kind": "ecb_fx"}, "n_days": 40}, "forecasts need every day of the panel"),
    ],
)
def test_a_check_of_what_is_no_pairs_on_all_days_is_refused(panel: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DirectionCheck.model_validate({"name": "x", "panel": panel})
