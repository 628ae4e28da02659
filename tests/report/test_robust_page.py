"""The robust sections of the page, and the page without them."""

import pytest

from tasks.schemas.artifacts import Report
from tasks.schemas.scores import Estimate, RobustScores
from tests.report.page_reader import after, words
from tests.report.sample_robust import ANSWER, CONTROLS, control, made_robust, with_placebo

CAREFUL = "base - trained (continued training does not remove what the base already knows)"


def test_both_intervals_of_the_reduction_are_labelled_and_the_two_way_interval_is_first(write):
    page = write()
    assert after(page, "Reduction", 6) == [
        "+0.0794",
        *("two-way 95 %", "[-0.1106, +0.2694]"),
        *("reference contract +0.0791, 95 % of stock draws", "[-0.1300, +0.2800]"),
        ", the reference interval, too narrow where stocks share shocks",
    ]


def test_a_page_without_robust_scores_states_that_and_labels_the_reference_figures(write, tmp_path):
    page = write(robust=None)
    assert "The recipe left out the robust inference" in words(page)
    assert after(page, "Reduction", 2)[0] == "+0.0791"
    assert "95 % of stock draws [-0.1300, +0.2800] , the reference interval, too narrow" in words(page)
    assert "Decomposition" not in page.text
    assert [row["figure"] for row in Report(tmp_path).table() if "two-way" in row["figure"]] == []


def test_every_models_figures_have_two_way_interval_and_jackknife(write):
    page = write(robust=with_placebo())
    head = page.text.index("Decomposition")
    assert page.text[head + 1 : head + 4] == ["base", "trained", "placebo"]
    row = after(page, "on - disjoint: what sharing days is worth, which is not hindsight", 9)
    assert row[:3] == ["+0.0286", "[-0.0014, +0.0586]", "(-0.0062, +0.0634)"]
    assert [row[3], row[6]] == ["+0.0183", "+0.0216"]


def test_a_rank_ic_has_its_error_over_days(write):
    assert after(write(), "within a day, on the disjoint split", 3) == ["-0.0100", "± 0.0081", "212 days"]


@pytest.mark.parametrize(
    ("facts", "name", "note"),
    [
        ({"pretrained": False}, "lookahead: base - trained", "Training started from untrained weights"),
        ({"pretrained": True}, CAREFUL, "The base was pretrained before this training began"),
        ({}, CAREFUL, "The base's record does not state that it was untrained"),
    ],
    ids=["from scratch", "pretrained", "unknown"],
)
def test_a_difference_is_called_lookahead_only_where_training_started_from_scratch(
    write, make_record, facts, name, note
):
    page = write(records=[make_record("base", facts=facts)])
    assert after(page, name, 2) == ["R2 disjoint of base - R2 disjoint of trained", "+0.0022"]
    assert note in words(page)
    assert ("lookahead: base - trained" in page.text) == (facts == {"pretrained": False})


def test_without_a_placebo_the_page_states_that_and_with_one_it_has_a_column(write):
    assert "No placebo arm was run" in words(write())
    page = write(robust=with_placebo())
    assert "No placebo arm was run" not in words(page)
    assert after(page, "base - placebo", 2)[1] == "+0.0016"
    assert after(page, "placebo - trained", 2) == ["R2 disjoint: effect of the cutoff at equal tokens", "+0.0006"]
    assert after(page, "Premium, placebo model", 3) == ["+0.1509", "two-way 95 %", "[+0.0209, +0.2809]"]


@pytest.mark.parametrize("verdict", ["supported", "rejected", "undecided"])
def test_a_hypothesis_is_answered_at_the_top(write, verdict, tmp_path):
    page = write(robust=made_robust(answer=ANSWER.model_copy(update={"verdict": verdict})))
    assert page.text.index(verdict) < page.text.index("Reduction")
    text = words(page)
    assert f"{verdict} : {ANSWER.statement}" in text
    assert "Stated before the run: reduction of the premium of at least +0.0500. Estimate: +0.0794" in text
    assert "The two-way 95 % interval from -0.1106 to 0.2694 lies across 0.05." in text
    assert Report(tmp_path).table()[-4] == {"figure": "hypothesis", "base": "", "trained": "", "difference": verdict}


def test_a_hypothesis_on_lookahead_has_the_careful_name(write):
    answer = ANSWER.model_copy(update={"metric": "lookahead"})
    assert f"Stated before the run: {CAREFUL} of at least" in words(write(robust=made_robust(answer=answer)))


def test_a_run_without_a_hypothesis_is_marked_as_such(write):
    assert "The recipe states no hypothesis" in words(write(robust=made_robust(answer=None)))


def test_all_five_controls_have_their_meaning_and_the_one_hot_date_is_marked(write):
    page = write()
    names = ("numerics only", "one-hot date", "prompt without date", "shuffled rows", "noise of equal width")
    assert [after(page, name, 1) for name in names] == [[made.what] for made in CONTROLS]
    assert after(page, "which rows share a day, and nothing else", 2) == ["cannot know the future", "503"]
    assert page.text.count("cannot know the future") == 1


def test_splits_show_purged_rows_and_violations(write):
    page = write()
    assert after(page, "stock-disjoint (on)", 6) == ["5", "2,400", "600", "0", "0", "391"]
    assert after(page, "chronological, purged (off)", 6) == ["1", "567", "31", "2", "0", "0"]
    assert after(page, "stock- and date-disjoint, purged", 6) == ["25", "9,508", "600", "92", "4,800", "0"]


def test_sensitivity_shows_each_fit_with_the_penalties_chosen(write):
    row = after(write(), "standardized, alpha by purged CV", 6)
    assert row == ["+0.0012", "-0.0103", "+0.0018", "-0.0095", "+0.0002", "1000 x 9, 10000 x 3"]


@pytest.mark.parametrize(("point", "compared"), [(0.0794, "smaller than"), (-0.4, "at least as large as")])
def test_power_is_compared_with_the_observed_reduction(write, point, compared):
    text = words(write(robust=made_robust(reduction=Estimate(point=point, why_none="no draws"))))
    assert "A true reduction of 0.3000 is detected with 80 % power" in text
    assert f"The observed reduction, {point:+.4f}, is in absolute size {compared} this." in text


def test_a_run_without_a_power_estimate_is_marked_as_such(write):
    assert "The scores contain no power estimate for this panel" in words(write(robust=made_robust(power=None)))


def test_dropped_rows_and_survivors_of_the_panel_are_shown_where_recorded(write, make_record):
    page = write()
    assert "The panel was made under the contract point in time ." in words(page)
    assert after(page, "close of zero", 1) == ["0"]
    assert after(page, "day not drawn", 1) == ["165,413"]
    assert after(page, "chosen ended early", 1) == ["3"]
    assert after(page, "R2", 1) == ["0.1"]
    assert "skfolio 1.12.2" not in words(page)
    assert "Panel" not in write(records=[make_record("panel", facts={"n_rows": 3})]).text


def test_text_from_the_robust_scores_is_escaped(write):
    evil = "<script>alert(1)</script>"
    robust: RobustScores = made_robust(
        lookahead=Estimate(point=None, why_none=evil),
        answer=ANSWER.model_copy(update={"statement": evil, "reason": evil}),
        controls=[control(evil, evil, (0, 0, 0, 0)), *CONTROLS],
        dropped_draws={evil: 11},
    )
    page = write(robust=robust)
    assert "script" not in page.tags
    assert words(page).count("alert(1)") >= 6
