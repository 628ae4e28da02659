"""The table of all runs: what stands in it, who is charged, and what a spreadsheet makes of it."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.runs.format import FORMULA_STARTS, as_csv, as_markdown, as_text, run_cells
from flows.runs.row import Run, RunRow, Spend, builders, metric_columns, records_until, verdict
from flows.runs.spend_figure import spend_bars, write_spend
from tasks.sweep.figures import Figure
from tests.report.sample_robust import made_robust
from tests.sweep.samples import made_record, made_scores

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def row(**changed: Any) -> RunRow:
    fields = {
        "who": "kim",
        "started": NOON,
        "recipe": "smoke",
        "deployment": "leakage-premium/smoke",
        "differs": "",
        "state": "Completed",
        "tokens_seen": 10_000,
        "built": (Spend(stage="train", seconds=7_200, dollars=4.78), Spend(stage="embed", seconds=60, dollars=0.25)),
        "reused": (Spend(stage="corpus", seconds=30, dollars=1.0),),
        "lookahead": Figure(point=-0.079, ends=(-0.31, 0.04), interval="two-way", fit="standardized"),
        "premium_base": Figure(point=0.1, ends=(0.0, 0.2), interval="two-way", fit="standardized"),
        "verdict": "lookahead undecided, gain undecided",
        "minutes": 12.34,
        "link": "http://127.0.0.1:4200/runs/flow-run/x",
    }
    return RunRow(**{**fields, **changed})


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_numbers_stand_in_full_and_their_signs_stay() -> None:
    (found,) = read(as_csv([row(lookahead=Figure(point=-1 / 3, ends=(-0.31, 0.04), interval="two-way"))]))
    assert float(found["lookahead"]) == -1 / 3
    assert (found["lookahead_low"], found["dollars"], found["tokens_seen"]) == ("-0.31", "5.03", "10000")
    assert float(found["dollars_in_all"]) == pytest.approx(6.03)


@given(st.text(max_size=30), st.sampled_from(["who", "recipe", "differs", "state", "reason", "deployment", "verdict"]))
def test_no_text_of_a_cell_is_a_formula_and_none_is_lost(text: str, column: str) -> None:
    (found,) = read(as_csv([row(**{column: text})]))
    cell = found[column]
    assert not cell.startswith(FORMULA_STARTS)
    assert cell.removeprefix("'") == text.removeprefix("'") or cell == text


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+1+1", "-2+3", "@SUM(A1)", "\t=1"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert read(as_csv([row(differs=text)]))[0]["differs"] == f"'{text}"


def test_a_failed_run_has_its_state_and_reason_and_no_figures() -> None:
    failed = row(
        state="Failed", reason="StageFailed: train ended", lookahead=None, verdict="", tokens_seen=None, built=()
    )
    cells = run_cells(failed)
    assert (cells["state"], cells["verdict"], cells["lookahead"]) == (
        "Failed",
        "StageFailed: train ended",
        "\N{EN DASH}",
    )
    assert (cells["dollars"], cells["tokens seen"]) == ("\N{EN DASH}", "\N{EN DASH}")
    assert "StageFailed: train ended" in as_text([cells])


def test_a_bar_in_a_cell_breaks_no_markdown_table() -> None:
    assert as_markdown([{"a": "x|y", "b": "1\n2"}]).splitlines()[2] == "| x\\|y | 1 2 |"


def run(start: int, end: int | None, *keys: str) -> Run:
    """From minute to minute around the records' noon."""
    ended = None if end is None else NOON + timedelta(minutes=end)
    return Run(NOON + timedelta(minutes=start), ended, {key: made_record("train", key) for key in keys})


def path(key: str) -> str:
    return made_record("train", key).ref.path


def test_an_artifact_is_charged_to_the_run_that_was_there_when_it_was_finished() -> None:
    runs = [run(60, 90, "a"), run(-10, 10, "a", "b"), run(-90, -60, "a")]
    assert builders(runs) == {path("a"): 1, path("b"): 1}


def test_of_two_runs_that_were_there_the_first_is_charged() -> None:
    assert builders([run(-5, None, "a"), run(-10, 20, "a")]) == {path("a"): 1}


def test_what_stood_before_all_runs_is_charged_to_none() -> None:
    assert builders([run(5, 10, "a"), Run(None, None, {"train": made_record("train", "a")})]) == {}


def test_what_was_built_after_a_runs_end_is_no_result_of_it() -> None:
    records = {"train": made_record("train", "a")}
    assert records_until(records, NOON + timedelta(minutes=1)) == records_until(records, None) == records
    assert records_until(records, NOON - timedelta(minutes=1)) == {}


@given(st.lists(st.tuples(st.integers(-60, 60), st.integers(0, 60)), max_size=6))
def test_no_artifact_is_charged_twice(spans: list[tuple[int, int]]) -> None:
    runs = [run(start, start + length, "a") for start, length in spans]
    was_there = any(start <= 0 <= start + length for start, length in spans)
    assert len(builders(runs)) == was_there


def test_without_a_hypothesis_the_verdict_is_the_conclusion_on_both_headline_figures() -> None:
    robust = made_robust(answer=None)
    scores = made_scores(robust=robust)
    assert verdict(scores) == "lookahead above zero, gain undecided"
    assert (
        metric_columns(scores)["lookahead"].ends
        == robust.difference("base - trained")["standardized"].lookahead.interval
    )
    former = made_scores(robust=made_robust(answer=None, conclusions={}))
    assert verdict(former) == "none: scores of an earlier version have no conclusions"


def test_the_references_figures_alone_give_no_verdict() -> None:
    scores = made_scores().model_copy(update={"robust": None})
    assert verdict(scores) == "none: the reference's figures alone do not tell who knows more"
    columns = metric_columns(scores)
    assert (columns["lookahead"].point, columns["premium_base"].interval) == (None, "stock draws")


def test_a_hypothesis_is_answered_first() -> None:
    answer = made_robust().pairs["base - trained"].answer
    assert verdict(made_scores()) == f"{answer.verdict}: {answer.metric} at least {answer.at_least:g}"


def test_bars_are_dollars_by_stage_oldest_on_top() -> None:
    later = row(started=NOON + timedelta(days=1), recipe="later", built=(Spend(stage="train", seconds=1, dollars=2.0),))
    bars = spend_bars([later, row()])
    assert [name.splitlines()[0] for name in bars.names] == ["smoke", "later"]
    assert (bars.unit, bars.amounts) == ("dollars", {"train": [4.78, 2.0], "embed": [0.25, 0.0]})


def test_bars_are_hours_where_nothing_costs_a_dollar() -> None:
    free = row(
        built=(Spend(stage="train", seconds=7_200, dollars=0.0), Spend(stage="merge", seconds=1_800, dollars=None))
    )
    bars = spend_bars([free, row(built=())])
    assert (len(bars.names), bars.unit, bars.amounts) == (1, "hours", {"train": [2.0], "merge": [0.5]})


def test_the_figure_shows_every_run_and_stage(tmp_path: Path) -> None:
    write_spend(spend_bars([row()]), tmp_path / "spend.svg")
    write_spend(spend_bars([row()]), tmp_path / "spend.png")
    text = " ".join(ElementTree.fromstring((tmp_path / "spend.svg").read_text()).itertext())  # noqa: S314 our own file
    for word in ("smoke", "train", "embed", "dollars", "5.03"):
        assert word in text
    assert (tmp_path / "spend.png").read_bytes().startswith(b"\x89PNG")


def test_no_runs_are_a_table_and_a_figure_too(tmp_path: Path) -> None:
    assert as_text([]) == "no runs yet"
    assert read(as_csv([])) == []
    write_spend(spend_bars([]), tmp_path / "spend.svg")
    assert (tmp_path / "spend.svg").read_text().startswith("<svg")
