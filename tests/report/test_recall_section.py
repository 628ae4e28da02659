"""The recall probes on the page."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from tasks.probe.recall.build import write_recall
from tasks.probe.recall.intervals import RowIntervals
from tasks.probe.recall.questions import Answers, AskedRows, variant_scores
from tasks.report.build import write_report
from tasks.report.config import ReportConfig
from tasks.report.gallery import gallery
from tasks.report.tables.recall import moved, recall_section
from tasks.schemas.artifacts import Report
from tasks.schemas.estimates import Estimate
from tasks.schemas.probe import ReadingSettings
from tasks.schemas.recall import ChangePoint, Recall
from tests.probe.recall.made_answers import (
    CONFIG,
    CUTOFF,
    write_answers,
    write_items,
    write_panel,
)
from tests.report.conftest import made_draws, made_scores
from tests.report.page_reader import Page, after, words


@pytest.fixture
def page(recall_dir, records, write_inputs, read_only) -> Page:
    if not Report(read_only).page.exists():
        write_report(ReportConfig(), write_inputs() | {"recall": recall_dir}, records, read_only)
    return Page(Report(read_only).page.read_text())


def test_the_section_says_what_each_probe_found(page):
    text = words(page)
    assert "base: no change point found (p = " in text
    assert "trained predicts the documents worse than base: -0.089 [-0.103, -0.075] bits per byte." in text
    assert "The difference changes after 2020-12-21 (95 %: 2020-12-21 to 2021-01-07)." in text
    assert "base is not shown to tell directions from entity and day together: AUC 0.8" in text
    assert "but not clearly above what controls tell (day alone, question - control +0.0" in text
    assert (
        "base - trained, unscaled: the lookahead does not clearly differ on rows where base answers with more" in text
    )


def test_models_that_each_know_their_own_side_better_are_said_to_beside_the_change_point(recall_dir):
    before, after_it = (Estimate(point=at, interval=(at - 0.02, at + 0.02)) for at in (-0.1, 0.05))
    found = Recall.read(recall_dir).pairs["base - trained"].curve
    own = found.model_copy(update={"cutoff": date(2020, 12, 31), "before": before, "after": after_it})
    text = moved("base - trained", own)
    assert "Documents up to 2020-12-31 are predicted better by base (-0.100 [-0.120, -0.080]), those after" in text
    assert "those after it by trained (+0.050 [+0.030, +0.070]). The difference changes after 2020-12-21" in text
    assert text.endswith("The stated cutoff, 2020-12-31, is inside.")
    swapped = own.model_copy(update={"before": after_it, "after": before})
    assert "predicted better by trained (+0.050" in moved("base - trained", swapped)
    assert "predicted better" not in moved("base - trained", own.model_copy(update={"after": before}))


def test_every_figure_of_a_table_has_its_interval_and_counts(page):
    assert after(page, "240 documents, cutoff 2020-12-31", 1)[0].startswith("2.")
    assert after(page, "more than 10%", 2) == ["80", "33.3%"]
    assert "cutoff unknown" in words(page)
    assert "480" in after(page, "the question, without features", 1)


def test_what_is_missing_has_its_reason_below_the_table(page):
    text = words(page)
    assert "after - before, base: the model's cutoff is unknown" in text
    assert "shares of base: the model's cutoff is unknown" in text


def test_the_curves_captions_name_the_marks_that_are_drawn_and_no_others(recall_dir, records):
    """A point of one day has no interval, and so no bar."""

    def caption(found: Recall) -> str:
        shown = gallery(made_scores(robust=None), made_draws(197), None, None, records, found)
        return next(own.caption for own in shown if own.title.startswith("Probe curve: bits"))

    found = Recall.read(recall_dir)
    assert caption(found).endswith(
        "predicted. Bars: 95 % intervals. Long line with a band: change point with its 95 % interval. Dotted: stated "
        "cutoffs."
    )
    bare = {}
    for name, own in found.models.items():
        points = [period.model_copy(update={"rate": Estimate(point=period.rate.point)}) for period in own.curve.periods]
        changed = {"periods": points, "cutoff": None, "change": ChangePoint(n_documents=0)}
        bare[name] = own.model_copy(update={"curve": own.curve.model_copy(update=changed)})
    text = caption(found.model_copy(update={"unit": "day", "models": bare}))
    assert text.endswith("predicted. No bars: no point has the 3 days that an interval needs.")


def test_a_run_without_probes_has_no_section(write):
    assert "Recall: what the models know" not in words(write())


def test_a_run_whose_items_are_empty_says_so_and_shows_no_empty_table(records, write_inputs, tmp_path):
    write_panel(tmp_path / "panel")
    write_items(tmp_path / "items")
    write_answers(tmp_path / "base", tmp_path / "items")
    config = CONFIG.model_copy(update={"compared": (), "cutoffs": {}})
    write_recall(config, {name: tmp_path / name for name in ("items", "panel", "base")}, tmp_path)
    write_report(ReportConfig(), write_inputs() | {"recall": tmp_path}, records, tmp_path)
    text = words(Page(Report(tmp_path).page.read_text()))
    assert "No question was asked about the panel's rows." in text
    assert "No dated items were asked." in text
    assert "base: no change point found (0 documents, and at least 20 are needed)" in text


@pytest.mark.parametrize(
    ("rise", "is_open", "said"),
    [
        (
            0.2,
            (False, False),
            "bits per byte rise after 2020-06-30 (95 %: 2020-05-01 to 2021-02-01): the apparent cutoff.",
        ),
        (-0.2, (False, False), "A cutoff would show as a rise: no apparent cutoff."),
        (
            0.2,
            (True, True),
            "the day of it is not known: the interval of 2020-06-30 holds all days searched, 2020-05-01 to 2021-02-01, "
            "and excludes none.",
        ),
        (0.2, (False, True), "to 2021-02-01, and later: it reaches the end of the days searched)"),
    ],
)
def test_a_change_is_a_cutoff_only_where_bits_rise_and_its_interval_may_be_open(recall_dir, rise, is_open, said):
    change = ChangePoint(
        n_documents=100,
        searched=(date(2019, 1, 1), date(2021, 2, 1)),
        day=date(2020, 6, 30),
        interval=(date(2020, 5, 1), date(2021, 2, 1)),
        is_open=is_open,
        rise=rise,
        slopes=(0.0, 0.0),
        p_value=0.002,
    )
    found = Recall.read(recall_dir)
    own = found.models["trained"]
    changed = own.model_copy(update={"curve": own.curve.model_copy(update={"change": change})})
    section = recall_section(found.model_copy(update={"models": found.models | {"trained": changed}}))
    assert said in section.findings[1]
    if rise > 0 and not all(is_open):
        assert section.findings[1].endswith("The stated cutoff, 2020-12-31, is inside.")


def told(folder, found: Recall, name: str, cutoff: date | None = None, **p_up: np.ndarray) -> str:
    """What the page says of a model that answers the variants so, where the others are a coin toss."""
    panel = pd.read_parquet(folder / "panel" / "rows.parquet")
    rows = AskedRows(panel, panel["target"].to_numpy(), RowIntervals(panel, n_draws=100, seed=0))
    answers = {variant: Answers(own, np.full(len(panel), 0.4)) for variant, own in p_up.items()}
    own = found.models[name].model_copy(update={"questions": variant_scores(answers, rows, cutoff), "cutoff": cutoff})
    findings = recall_section(found.model_copy(update={"models": found.models | {name: own}})).findings
    return next(text for text in findings if text.startswith(name) and "directions" in text)


def test_recall_is_claimed_only_beyond_each_control_and_with_both_sides_of_the_cutoff(recall_dir):
    """A model that knows each day's market tells exactly as much without the entity; then there is no interval."""
    found, panel = Recall.read(recall_dir), pd.read_parquet(recall_dir / "panel" / "rows.parquet")
    market = 1 / (1 + np.exp(-panel.groupby("date")["target"].transform("mean").to_numpy()))
    rng = np.random.default_rng(0)
    stock = 1 / (1 + np.exp(-panel["target"].to_numpy() - 0.2 * rng.normal(size=len(panel))))
    chance = rng.uniform(0.4, 0.6, len(panel))
    text = told(recall_dir, found, "base", date_only=market, entity_neutral=market, date_removed=chance)
    assert text.startswith("base is not shown to tell directions from entity and day together: AUC 0.")
    assert text.endswith("but not clearly above what controls tell (day alone, question - control +0.000).")
    text = told(recall_dir, found, "base", date_only=stock, entity_neutral=market, date_removed=chance)
    assert text.startswith("base tells directions from entity and day together: AUC 0.9")
    assert text.endswith("and above each control.")
    assert "no control was asked" in told(recall_dir, found, "base", date_only=stock)
    known = np.where(panel["date"] <= str(CUTOFF), stock, chance)
    text = told(recall_dir, found, "base", CUTOFF, date_only=known, date_removed=chance)
    assert "and above each control. Up to its cutoff, 2020-12-31, the AUC is 0.9" in text


def test_a_pair_that_read_with_unlike_context_has_a_warning(recall_dir):
    found = Recall.read(recall_dir)
    assert not any("unlike context" in text for text in recall_section(found).findings)
    wider = found.models["base"].model_copy(update={"reading": ReadingSettings(window_tokens=1_024, n_leading_ids=1)})
    findings = recall_section(found.model_copy(update={"models": found.models | {"base": wider}})).findings
    assert any(
        "They read the documents with unlike context (base: windows of 1,024 tokens, 1 ids before each text; trained: "
        "windows of 256 tokens, 0 ids before each text), which is part of the difference." in text
        for text in findings
    )
