"""The robust sections of the page, and the page without them."""

import pytest

from tasks.schemas.artifacts import Report
from tasks.schemas.estimates import CO_PRIMARY, FITS, Estimate
from tests.report.page_reader import after, words
from tests.report.sample_robust import (
    CONTROLS,
    HEAVY,
    HYPOTHESIS,
    control,
    estimate,
    made_answer,
    made_fits,
    made_robust,
    with_difference,
    with_placebo,
)

CAREFUL = "base - trained (continued training does not remove what the base already knows)"
GAIN = "gain from knowing the test span: base - trained"


def test_the_page_begins_with_verdict_figure_and_interval_of_both_headline_figures(write):
    page = write()
    assert after(page, CAREFUL, 7) == [
        *("Above zero", "unscaled", "+0.0231", "[+0.0036, +0.0426]"),
        *("standardized", "+0.0122", "[+0.0047, +0.0197]"),
    ]
    assert after(page, GAIN, 7)[0] == "Undecided"
    # The two fits disagree in sign, and the card says so.
    assert "Standardized: [+0.0023, +0.0145] is above zero; unscaled: [-0.0828, -0.0510] is below zero." in words(page)
    first = page.text.index(CAREFUL)
    assert first < page.text.index(GAIN) < page.text.index("What to expect, and where this run is")


def test_premium_and_reduction_follow_as_the_references_figures_whose_sign_cannot_be_read(write):
    page = write()
    head = page.text.index("Premium and reduction: the reference's figures")
    assert page.text.index("What to expect, and where this run is") < head
    assert "Their sign cannot be read" in page.text[head:]
    assert page.text.index("Undecided") < head < page.text.index("Decomposition", head)


def test_heavy_tails_are_named_at_the_top_and_leave_the_gain_undecided(write):
    fits = with_difference(gain=estimate(0.05, 0.01))
    assert after(write(robust=made_robust(fits=fits)), GAIN, 1) == ["Above zero"]
    page = write(robust=made_robust(fits=fits, tails=HEAVY))
    assert after(page, GAIN, 1) == ["Undecided"]
    assert page.text.index("Heavy tails") < page.text.index("Figures")
    assert "the largest day, 2021-01-27, carries 61% and the five largest rows carry 13%." in words(page)
    assert "not to be quoted" not in words(write())


def test_the_expected_signs_have_the_runs_own_figures_beside_them(write):
    page = write()
    start = page.text.index("What to expect, and where this run is")
    text = page.text[start:]
    gain = text.index("gain")
    assert text[gain + 1 : gain + 5] == ["R2 off of base - R2 off of trained", "+1.00 r", "+2.00 r", "0"]
    assert text[gain + 5 : gain + 8] == ["-0.0669", "[-0.0828, -0.0510]", "as none"]
    assert text[gain + 8 : gain + 11] == ["+0.0084", "[+0.0023, +0.0145]", "as nothing, to the cut"]
    off = text.index("R2 off", gain)
    assert text[off + 2 : off + 5] == ["0", "-1.00 r", "+1.00 r"]
    assert text[off + 5 : off + 8] == ["+0.0105", "[-0.0995, +0.1205]", "as all three"]


def test_a_page_without_robust_scores_gives_no_verdict_and_only_the_references_figures(write, tmp_path):
    page = write(robust=None)
    assert "The recipe left out the robust inference" in words(page)
    assert "Their sign cannot be read" in words(page)
    assert "Decomposition" not in page.text
    table = Report(tmp_path).table()
    assert table[0] == {"figure": "premium", "base": "+0.2189", "trained": "+0.1398", "difference": "+0.0791"}
    assert not any("two-way" in row["figure"] or "lookahead" in row["figure"] for row in table)


def test_every_model_has_its_figures_under_every_fit(write):
    page = write(robust=with_placebo())
    for title in ("Base", "Trained", "Placebo: the base trained on as many tokens from after the cutoff"):
        assert after(page, title, 4) == list(FITS)
    row = after(page, "matched - disjoint: what sharing days is worth, no hindsight", 12)
    assert row[:3] == ["+0.0171", "[-0.0129, +0.0471]", "(-0.0177, +0.0519)"]
    assert row[3::3] == ["+0.0218", "+0.0233", "+0.0076"]


def test_a_figure_with_r2_off_has_no_jackknife(write):
    page = write()
    start = page.text.index("How to read the figures")
    differences = page.text.index("Differences between the models", start)
    own = page.text.index("fitted up to the cut, scored after it, purged", differences)
    gain = page.text.index("R2 off of base - R2 off of trained", differences)
    for cells in (page.text[own + 1 : own + 9], page.text[gain + 1 : gain + 9]):
        assert [cell[0] for cell in cells[1::2]] == ["["] * 4
    assert page.text[own + 1 : own + 3] == ["-0.2601", "[-0.3701, -0.1501]"]


def test_a_wide_interval_is_marked_beside_every_figure_and_explained_where_there_is_one(write):
    wide = estimate(0.05, 0.06).model_copy(update={"is_wide": True})
    fits = with_difference(lookahead=wide)
    page = write(robust=made_robust(fits=fits, answer=made_answer(fits)))
    cell, note = "[-0.0100, +0.1100] wide", "wide: the draws spread the figure more than 1.2 times as far"
    assert after(page, CAREFUL, 7) == [
        *("Undecided", "unscaled", "+0.0500", cell),
        *("standardized", "+0.0500", cell),
    ]
    # Card, second answer, expected signs, hypothesis and table of differences: two fits each, the table has all four.
    assert page.text.count(cell) == 2 + 2 + 2 + 2 + len(FITS)
    assert words(page).count(note) == 2
    assert words(page).index(note) < words(page).index("What to expect, and where this run is")
    assert note not in words(write())


def test_a_rank_ic_has_its_error_over_days_under_the_fits_that_predict_the_target(write):
    cells = after(write(), "within a day, on the disjoint split", 7)
    assert cells[:6] == ["-0.0086", "± 0.0081", "212 days", "+0.0026", "± 0.0081", "212 days"]
    assert cells[6] == "Trained"


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
    assert after(page, name, 1) == ["Above zero"]
    assert note in words(page)
    assert ("lookahead: base - trained" in page.text) == (facts == {"pretrained": False})


def test_without_a_placebo_the_page_states_that_and_with_one_it_has_both_pairs(write):
    assert "No placebo arm was run" in words(write())
    page = write(robust=with_placebo())
    assert "No placebo arm was run" not in words(page)
    assert after(page, "R2 disjoint, base - placebo", 2)[1] == "+0.0116"
    cells = after(page, "R2 disjoint, placebo - trained", 8)
    assert cells[0] == "effect of the cutoff at equal tokens"
    assert cells[4:6] == ["+0.0058", "[-0.0017, +0.0133]"]


@pytest.mark.parametrize(("at_least", "verdict"), [(0.0, "supported"), (0.05, "rejected"), (0.01, "undecided")])
def test_a_hypothesis_is_answered_on_the_first_page(write, at_least, verdict, tmp_path):
    fits = made_fits()
    page = write(robust=made_robust(fits=fits, answer=made_answer(fits, at_least=at_least)))
    assert page.text.index(verdict.capitalize()) < page.text.index("Premium and reduction: the reference's figures")
    text = words(page)
    assert f"{verdict.capitalize()} : {HYPOTHESIS.statement}" in text
    assert f"Stated before the run: {CAREFUL} of at least {at_least:+.4f}." in text
    assert "Unscaled: 95 % from 0.0036 to 0.0426" in text
    hypothesis = [row for row in Report(tmp_path).table() if row["figure"] == "hypothesis"]
    assert hypothesis == [{"figure": "hypothesis", "base": "", "trained": "", "difference": verdict}]


def test_a_run_without_a_hypothesis_is_marked_as_such(write):
    assert "The recipe states no hypothesis" in words(write(robust=made_robust(answer=None)))


def test_all_five_controls_have_their_meaning_under_both_fits_and_the_one_hot_date_is_marked(write):
    page = write()
    names = ("numerics only", "one-hot date", "prompt without date", "shuffled rows", "noise of equal width")
    section = "known by construction, scored on the same splits as the models and beside the same numeric features."
    start = next(place for place, text in enumerate(page.text) if section in text)
    found = page.text[start:]
    assert [found[found.index(name) + 1] for name in names] == [made.what for made in CONTROLS]
    assert all(found.count(name) == len(CO_PRIMARY) for name in names[2:])
    row = after(page, "which rows share a day, and nothing else", 8)
    assert row == ["cannot know the future", "503", "+0.3430", "+0.3420", "-0.0050", "+0.3470", "-0.0150", "+0.3580"]


def test_splits_show_purged_rows_and_violations(write):
    page = write()
    assert after(page, "stock-disjoint (on)", 6) == ["5", "2,400", "600", "0", "0", "391"]
    assert after(page, "chronological, purged (off)", 6) == ["1", "567", "31", "2", "0", "0"]
    assert after(page, "stock- and date-disjoint, purged", 6) == ["25", "9,508", "600", "92", "4,800", "0"]
    matched = after(page, "stock-disjoint, as many rows as disjoint (matched)", 6)
    assert matched == ["10", "3,803", "600", "0", "0", "612"]


def test_penalties_are_shown_and_refits_named_where_there_are_any(write):
    text = words(write())
    assert "chosen by purged cross-validation up to the cut: 1000 for base, 10000 for trained." in text
    assert "trained: 12 fits were corrected on the rows" in text
    assert "base: 0 fits" not in text


def test_power_has_the_smallest_detectable_effect_of_each_figure_with_its_source(write):
    page = write()
    start = page.text.index("smallest detectable")
    row = page.text.index("lookahead", start)
    assert page.text[row : row + 5] == [
        *("lookahead", "unscaled", "0.0195", "0.0279"),
        "two-way draws of the figure itself (196, 36 columns)",
    ]


def test_a_run_without_a_power_estimate_is_marked_as_such(write):
    assert "The scores contain no power estimate" in words(write(robust=made_robust(power=[])))


def test_dropped_rows_and_survivors_of_the_panel_are_shown_where_recorded(write, make_record):
    page = write()
    assert "The panel was made under the contract point in time ." in words(page)
    assert after(page, "close of zero", 1) == ["0"]
    assert after(page, "day not drawn", 1) == ["165,413"]
    assert after(page, "chosen ended early", 1) == ["3"]
    assert after(page, "R2", 1, since="day not drawn") == ["0.1"]
    assert "skfolio 1.12.2" not in words(page)
    assert "Panel" not in write(records=[make_record("panel", facts={"n_rows": 3})]).text


def test_text_from_the_robust_scores_is_escaped(write):
    evil = "<script>alert(1)</script>"
    fits = with_difference(lookahead=Estimate(point=None, why_none=evil))
    page = write(
        robust=made_robust(
            fits=fits,
            answer=made_answer(fits).model_copy(update={"statement": evil, "reason": evil}),
            controls=[control(evil, evil, (0, 0, 0, 0)), *CONTROLS],
            dropped_draws={evil: 11},
            tails=HEAVY.model_copy(update={"warning": evil}),
        )
    )
    assert "script" not in page.tags
    assert words(page).count("alert(1)") >= 8
