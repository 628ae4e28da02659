"""Ladder and recall on the first page: a figure with table, count and digest, an answer, and rows for programs."""

import json
from pathlib import Path

import pytest

from tasks.report.build import write_report
from tasks.report.config import ReportConfig
from tasks.report.quoted import Quoted
from tasks.report.quoted_recall import quoted_recall
from tasks.report.verdict.answer import verdict
from tasks.report.verdict.recall import FEW, SEVERAL, recall_answer
from tasks.schemas.artifacts import Report
from tasks.schemas.ladders import Ladder
from tasks.schemas.recall import Recall
from tasks.schemas.results import Finding, Results
from tasks.schemas.scores import PremiumScores
from tests.report.conftest import made_scores
from tests.report.page_reader import Page, words
from tests.report.sample_robust import HEAVY, TAILS, made_robust
from tests.report.test_ladder_section import EXPECTED, made_ladder

LADDER = "What does the ladder of cutoffs say?"


@pytest.fixture
def both(records, make_record, write_inputs, recall_dir, tmp_path) -> Path:
    """Folder of the report of a run with a ladder and recall probes."""
    folders = write_inputs(robust=made_robust(ladders={"chrono": made_ladder(0.2)})) | {"recall": recall_dir}
    recall = make_record("recall", {"premium": records[7]})
    write_report(ReportConfig(), folders, [*records[:8], recall, *records[8:]], tmp_path)
    return tmp_path


def of_ladder(ladder: Ladder, **changed: object) -> Finding:
    scores = made_scores(robust=made_robust(ladders={"chrono": ladder}, **changed))
    [found] = [own for own in verdict(Quoted(scores, None), "pretrained") if own.question == LADDER]
    return found


def test_ladder_and_probes_are_drawn_once_and_above_their_sections(both):
    html = Report(both).page.read_text()
    gallery = html.partition('<div class="gallery">')[2].partition("<h2")[0]
    for title in (
        "Ladder of cutoffs, chrono",
        "Probe curve: bits per byte by day",
        "Probe curve: difference of two models",
        "Recall of directions by question",
    ):
        assert f"<h3>{title}</h3>" in gallery
        assert html.count(f'aria-label="{title}"') == 1
    text = words(Page(html))
    assert "600 rows, 3 models" in text
    assert "240 documents" in text
    assert html.count("tent of r = +0.2000") == 1


def test_the_answers_have_number_interval_and_doubts_and_are_there_only_where_they_are_measured(both, write):
    findings = Results.read(both).findings
    assert (findings[1].question, findings[6].question, len(findings)) == (LADDER, SEVERAL, 7)
    ladder, recall = findings[1], findings[6]
    assert ladder.outcome == "shown"
    assert ladder.answer.startswith("chrono: lookahead is shown, share r = +0.2000 [")
    assert "base is not shown to tell directions from entity and day together: controls tell as much." in recall.answer
    assert "AUC 0.8" in " ".join(recall.because)
    assert "not clearly above what controls tell" in " ".join(recall.because)
    assert "trained predicts the documents worse than base: -0.089" in " ".join(recall.because)
    assert any(
        doubt == "base: nothing is known of before and after its cutoff, for the model's cutoff is unknown."
        for doubt in recall.doubts
    )
    assert any(
        doubt.startswith("trained recognises facts from after its stated cutoff more often than by chance (1.000")
        for doubt in recall.doubts
    )
    text = words(write())
    assert LADDER not in text
    assert SEVERAL not in text


@pytest.mark.parametrize(
    ("ladder", "tails", "outcome", "answer", "doubt"),
    [
        (made_ladder(0.0), TAILS, "not shown", "no lookahead is found, share r = ", "Flat excludes the shares outside"),
        (made_ladder(0.2), HEAVY, "shown", "in a tent", ""),
        (
            made_ladder(0.2, {name: [0.0, 0.0, 0.0] for name in EXPECTED}),
            TAILS,
            "not shown",
            "r = \N{EN DASH} (no interval)",
            "a tent over these cutoffs is flat",
        ),
        (
            Ladder(rungs=made_ladder(0.0).rungs[:2], verdict="no fit", reason="2 rungs, 3 are needed"),
            TAILS,
            "not measured",
            "no fit, 2 rungs, 3 are needed.",
            "",
        ),
    ],
)
def test_the_ladders_answer_follows_from_its_verdict(ladder, tails, outcome, answer, doubt):
    found = of_ladder(ladder, tails=tails)
    assert found.outcome == outcome
    assert answer in found.answer
    assert doubt in " ".join(found.doubts)


def test_a_ladder_that_ends_before_the_cut_is_doubted():
    whole = made_ladder(0.2)
    early = [rung.model_copy(update={"cutoff": rung.cutoff.replace(year=rung.cutoff.year - 4)}) for rung in whole.rungs]
    assert "no cutoff after the cut" in " ".join(of_ladder(whole.model_copy(update={"rungs": early})).doubts)
    assert "no cutoff after the cut" not in " ".join(of_ladder(whole).doubts)


def test_of_many_models_those_that_recall_are_counted(recall_dir):
    found = Recall.read(recall_dir)
    base = found.models["base"]
    without_controls = base.model_copy(update={"questions": {"date_only": base.questions["date_only"]}})
    many = {f"model-{number}": base for number in range(FEW + 1)} | {"model-0": without_controls}
    assert recall_answer(found.model_copy(update={"models": many, "pairs": {}})).answer == (
        "1 of 4 models tell directions from entity and day alone. Bits per byte of 0 of 4 models rise after an "
        "apparent cutoff."
    )


def test_rows_for_programs_equal_scores_and_recall(both, recall_dir, records, tmp_path):
    results = Results.read(both)
    scores = PremiumScores.read(tmp_path / "premium")
    [ladder] = results.ladders
    own = scores.robust.ladders["chrono"]
    assert (ladder.verdict, ladder.reason, ladder.rungs, ladder.n_rows) == (own.verdict, own.reason, own.rungs, 600)
    assert ladder.artifact == records[7].digest
    assert [
        (share.fit, share.against, share.point, (share.low, share.high), share.smallest_detectable)
        for share in ladder.shares
    ] == [
        (fit, against, found.point, found.interval, smallest)
        for fit, one in own.fits.items()
        for against, found, smallest in (
            ("flat", one.combined.share, one.combined.smallest),
            ("line", one.combined.share_beside_line, one.combined.smallest_beside_line),
        )
    ]
    recall = Recall.read(recall_dir)
    rows = {(row.figure, row.of): row for row in results.recall.figures}
    assert len(rows) == len(results.recall.figures) == 3 + 2 * 5
    auc = recall.models["base"].questions["date_only"].overall.auc
    row = rows["auc", "base"]
    assert (row.point, (row.low, row.high), row.n) == (auc.point, auc.by_date, 480)
    row, facts = rows["recognised_before", "trained"], recall.models["trained"].facts
    assert (row.point, (row.low, row.high), row.n) == (
        facts.before.point,
        facts.before.interval,
        facts.n_before,
    )
    assert rows["rise", "base"].why_none == "the model's cutoff is unknown"
    changes = {row.of: row for row in results.recall.change_points}
    assert changes["base"].day is None
    assert changes["base"].why_none
    change = recall.pairs["base - trained"].curve.change
    found = changes["base - trained"]
    assert (found.day, (found.first, found.last), found.rise) == (change.day, change.interval, change.rise)
    assert quoted_recall(None, None) is None


def test_a_run_without_them_has_no_rows(write, tmp_path):
    write(ReportConfig(title="neither"))
    written = json.loads((tmp_path / "results.json").read_text())
    assert (written["ladders"], written["recall"]) == ([], None)
