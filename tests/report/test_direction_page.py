"""The page of a direction check: what it says first, that no figure goes without its split, and its bytes."""

import re

import numpy as np
import pytest

from tasks.common.text import DASH
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.knowledge import knowledge_scores
from tasks.evaluate.measure import measure_direction
from tasks.evaluate.rows import direction_rows
from tasks.report.direction.build import write_direction_report
from tasks.report.direction.config import REVISION, DirectionReportConfig
from tasks.report.direction.tables import headline
from tasks.schemas.artifacts import Report
from tasks.schemas.direction import SPLITS, Asked, DirectionScores
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


@pytest.fixture(scope="module")
def with_models() -> DirectionScores:
    """Three language models, asked about every other row, and about formulas."""
    panel = made_panel(n_days=150)
    draws = np.random.default_rng(0).random((3, len(panel)))
    rose, is_asked = panel["target"] > 0, np.arange(len(panel)) % 2 == 0
    brought = {
        name: np.where(is_asked, np.where(own < right, rose, ~rose) * 0.2 + 0.4, np.nan)
        for (name, right), own in zip({"base": 0.5, "sft": 0.52, "final": 0.55}.items(), draws, strict=True)
    }
    config = EvaluateConfig(models=("majority", "boosting", "look-up"), n_draws=20)
    scores = measure_direction(direction_rows(panel, config, brought), config)
    asked = Asked(n_rows=450, n_not_asked=450, n_outside=675, mass=0.93, distance=0.1)
    answers = {
        name: [
            {"id": str(n), "group": f"family {n % 7}", "right": 0, "chosen": int(n % every > 0), "n_answers": 4}
            for n in range(70)
        ]
        for name, every in {"base": 4, "sft": 3, "final": 2}.items()
    }
    update = {"asked": dict.fromkeys(brought, asked), "knowledge": knowledge_scores(answers)}
    return scores.model_copy(update=update)


def test_language_models_are_shown_beside_the_others_on_the_same_rows(write, with_models):
    page = write(with_models)
    text = words(page)
    for heading in (
        "Difference of accuracy on the same rows, chronological hold-out",
        "Questions about rows, chronological hold-out",
        "Questions about formulas",
    ):
        assert heading in text
    last = next(own for own in with_models.comparisons if (own.model, own.reference) == ("final", "base"))
    low, high = last.difference.two_way
    assert f"{last.difference.point:+.3f}" in text
    assert f"[{low:+.3f}, {high:+.3f}] two-way" in text
    assert "A model is compared with those before it." in text
    assert "fitted elsewhere; 450 of 900 rows" in text
    finding = next(sentence for sentence in page.text if sentence.startswith("The language model final"))
    assert (
        "of the 450 rows of the chronological hold-out that it was asked about; on the same rows it differs by"
        in finding
    )
    assert re.search(r"from boosting, by \S+ \[.*\] from base, by \S+ \[.*\] from sft\.$", finding)
    assert "35 of 70" in text


def test_a_forecast_that_is_no_language_models_has_a_comparison_and_no_questions(write):
    text = words(write())
    assert "Difference of accuracy on the same rows" in text
    assert "Questions about" not in text


def test_a_check_without_models_from_elsewhere_says_nothing_of_them(write, scores):
    baselines = {name: own for name, own in scores.models.items() if name != EVIL}
    assert "Language models" not in words(write(scores.model_copy(update={"models": baselines, "comparisons": []})))


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
    assert (REVISION, sha256_of_json(words(write()))[:12]) == (3, "431bfb08ddb6")
