"""The page of a direction check: what it says first, that no figure goes without its split, and its bytes."""

import re

import numpy as np
import pytest

from tasks.common.text import DASH
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.measure import measure_direction
from tasks.evaluate.rows import direction_rows
from tasks.report.direction.build import write_direction_report
from tasks.report.direction.config import REVISION, DirectionReportConfig
from tasks.report.direction.tables import headline
from tasks.schemas.artifacts import Report
from tasks.schemas.direction import SPLITS, DirectionScores
from tasks.store.digests import sha256_of_json
from tests.evaluate.panels import made_panel
from tests.report.page_reader import Page, words

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def scores() -> DirectionScores:
    """Two baselines and a forecast brought along, whose name is the worst a person could choose."""
    panel = made_panel(n_days=80)
    brought = {EVIL: np.where(panel["target"] > 0, 0.9, 0.1)}
    rows = direction_rows(panel, EvaluateConfig(), brought)
    return measure_direction(rows, EvaluateConfig(models=("boosting", "look-up"), n_draws=20))


@pytest.fixture
def write(scores, records, tmp_path):
    def write(found: DirectionScores = scores, **config: object) -> Page:
        (tmp_path / "results.json").write_text(found.model_dump_json())
        write_direction_report(DirectionReportConfig(**config), {"evaluate": tmp_path}, records[2:3], tmp_path)
        return Page(Report(tmp_path).page.read_text())

    return write


def test_the_finding_comes_first_with_the_look_ups_accuracy_on_both_splits(write, scores):
    page = write()
    splits = scores.models["look-up"].splits
    shuffled, chronological = (f"{splits[name].accuracy.point:.3f}" for name in ("shuffled", "chronological"))
    finding = page.text[2]
    assert page.text[0] == "Direction check"
    assert re.match(
        rf"A look-up of day and currency, .* is right in {shuffled} \[.*\] of the rows of a shuffled", finding
    )
    assert finding.endswith(f"and in {chronological} of those of the chronological one.")
    assert "At the reference's certainty of 0.95, it keeps" in page.text[3]


def test_no_accuracy_goes_without_its_splits_name(write, scores):
    for row in headline(scores):
        assert {name for name in row if name.startswith("accuracy")} == {f"accuracy, {split}" for split in SPLITS}
    text = words(write())
    for heading in ("Accuracy by model and split", "Accuracy premium", "Trades kept", "Calibration", "Profit", "Pegs"):
        assert heading in text


def test_a_forecast_brought_along_has_a_dash_on_splits_it_was_not_fitted_on(write, scores, tmp_path):
    page = write()
    row = next(row for row in Report(tmp_path).table() if row["model"] == EVIL)
    assert (row["accuracy, shuffled"], row["accuracy, chronological"]) == (DASH, "1.000")
    assert "a forecast brought along has no fit on this split" in words(page)
    assert "its rows score the same, and their spread is no measure of error" in words(page)


def test_the_page_loads_nothing_and_runs_nothing(write, tmp_path):
    page = write(title=EVIL)
    html = Report(tmp_path).page.read_text()
    assert html.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert all(address.startswith("#") for address in page.addresses)
    assert page.text[0] == EVIL


def test_dropped_rows_and_pegs_are_counted(write, scores):
    text = words(write())
    assert "Rows dropped, by reason" in text
    assert "No pair's outcomes vary less than 25% of the median pair's" in text
    assert "165,413" in text


def test_a_smoke_test_says_so_first(write):
    assert write(plumbing_only=True).text[0].startswith("Smoke test, these numbers mean nothing")


def test_a_page_without_the_reference_thresholds_leaves_them_out(write, scores):
    own = {
        split: found.model_copy(update={"by_share": [], "by_certainty": []})
        for split, found in scores.models["look-up"].splits.items()
    }
    bare = scores.models["look-up"].model_copy(update={"splits": own})
    text = words(write(scores.model_copy(update={"models": {"look-up": bare}})))
    assert "At the reference's certainty" not in text
    assert "hold-out: accuracy over the share" not in text


def test_the_same_scores_give_the_same_bytes(write, tmp_path):
    pages = []
    for _ in range(2):
        write()
        pages.append(Report(tmp_path).page.read_bytes())
    assert pages[0] == pages[1]


def test_the_page_of_this_revision(write):
    # After a change of the page raise REVISION in tasks/report/direction/config.py.
    assert (REVISION, sha256_of_json(words(write()))[:12]) == (1, "e50ca38a90c6")
