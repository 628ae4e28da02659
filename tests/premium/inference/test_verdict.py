"""Conclusions and answers: what both co-primary fits say, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.premium.config import Hypothesis
from tasks.premium.inference.verdict import answer, conclusion
from tasks.schemas.estimates import Estimate
from tasks.schemas.scores import Tails

LIGHT = Tails(largest_day=0.01, n_days=200, five_largest_rows=0.01)
HEAVY = Tails(largest_day=0.6, n_days=200, five_largest_rows=0.3, warning="the largest day, 2021-03-08, carries 60%")


def estimate(low: float, high: float) -> Estimate:
    return Estimate(point=(low + high) / 2, interval=(low, high))


def by_fit(unscaled: Estimate, standardized: Estimate) -> dict:
    return {"unscaled": unscaled, "standardized": standardized}


@pytest.mark.parametrize(
    ("unscaled", "standardized", "verdict"),
    [
        ((0.01, 0.03), (0.02, 0.05), "above zero"),
        ((-0.03, -0.01), (-0.05, -0.02), "below zero"),
        ((0.01, 0.03), (-0.05, -0.02), "undecided"),  # they disagree in sign
        ((0.01, 0.03), (-0.01, 0.05), "undecided"),  # one holds zero
        ((0.0, 0.03), (0.02, 0.05), "undecided"),  # an end at zero holds it
        ((float("nan"), float("nan")), (0.02, 0.05), "undecided"),
    ],
)
def test_a_side_of_zero_is_concluded_only_where_both_fits_are_on_it(unscaled, standardized, verdict):
    found = conclusion("lookahead", by_fit(estimate(*unscaled), estimate(*standardized)), LIGHT)
    assert found.verdict == verdict
    assert "unscaled: " in found.reason
    assert "standardized: " in found.reason


def test_a_conclusion_names_the_fit_that_holds_zero():
    found = conclusion("lookahead", by_fit(estimate(0.01, 0.03), estimate(-0.01, 0.05)), LIGHT)
    assert found.reason == ("unscaled: [+0.0100, +0.0300] is above zero; standardized: [-0.0100, +0.0500] holds zero")


def test_a_missing_interval_leaves_it_undecided_and_passes_its_reason_on():
    few = Estimate(point=0.3, why_none="12 two-way draws were kept, an interval needs 20")
    found = conclusion("lookahead", by_fit(few, estimate(0.1, 0.2)), LIGHT)
    assert found.verdict == "undecided"
    assert "there is no interval (12 two-way draws were kept, an interval needs 20)" in found.reason


@pytest.mark.parametrize(("metric", "verdict"), [("lookahead", "above zero"), ("gain", "undecided")])
def test_a_few_heavy_rows_leave_only_figures_with_r2_off_undecided(metric, verdict):
    found = conclusion(metric, by_fit(estimate(0.01, 0.03), estimate(0.02, 0.05)), HEAVY)
    assert found.verdict == verdict
    assert ("the largest day, 2021-03-08, carries 60%" in found.reason) is (metric == "gain")


def test_nothing_is_concluded_from_fits_that_predict_the_mean():
    narrow = by_fit(estimate(0.01, 0.03), estimate(1e-6, 2e-6))
    found = conclusion("lookahead", narrow, LIGHT, is_shrunk=True)
    assert found.verdict == "undecided"
    assert "both models chose the largest of premium.robust.alphas" in found.reason
    assert conclusion("lookahead", narrow, LIGHT).verdict == "above zero"
    stated = Hypothesis(statement="x")
    assert answer(stated, narrow, LIGHT, is_shrunk=True).verdict == "undecided"
    assert answer(stated, narrow, LIGHT).verdict == "supported"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.05, 0.09, "supported"),  # the threshold itself counts
        (0.06, 0.09, "supported"),
        (0.01, 0.049, "rejected"),
        (0.01, 0.05, "undecided"),
        (0.04, 0.06, "undecided"),
    ],
)
def test_supported_at_or_above_rejected_below_undecided_across(low, high, verdict):
    hypothesis = Hypothesis(statement="the base knows a twentieth", at_least=0.05)
    found = answer(hypothesis, by_fit(estimate(low, high), estimate(low, high)), LIGHT)
    assert found.verdict == verdict
    assert (found.statement, found.metric, found.at_least) == ("the base knows a twentieth", "lookahead", 0.05)
    assert f"from {low:.4g} to {high:.4g}" in found.reason


def test_fits_that_disagree_answer_nothing():
    found = answer(Hypothesis(statement="x"), by_fit(estimate(0.1, 0.2), estimate(-0.2, -0.1)), LIGHT)
    assert found.verdict == "undecided"
    assert (
        found.reason == "unscaled: 95 % from 0.1 to 0.2, at or above 0; standardized: 95 % from -0.2 to -0.1, below 0"
    )


def test_percentiles_and_jackknife_decide_nothing():
    only_jackknife = Estimate(point=0.3, jackknife_se=0.01, jackknife=(0.28, 0.32))
    assert answer(Hypothesis(statement="x"), by_fit(only_jackknife, only_jackknife), LIGHT).verdict == "undecided"


def test_a_hypothesis_on_r2_off_is_not_answered_where_a_few_rows_decide_it():
    stated = Hypothesis(statement="x", metric="gain")
    found = answer(stated, by_fit(estimate(0.1, 0.2), estimate(0.1, 0.2)), HEAVY)
    assert found.verdict == "undecided"
    assert found.reason.startswith("the largest day, 2021-03-08, carries 60%; ")


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1))
def test_a_higher_threshold_never_turns_rejected_into_supported(low, width, threshold, higher):
    order = ["rejected", "undecided", "supported"]
    found = by_fit(estimate(low, low + width), estimate(low, low + width))
    lax, strict = (answer(Hypothesis(statement="x", at_least=t), found, LIGHT) for t in (threshold, threshold + higher))
    assert order.index(strict.verdict) <= order.index(lax.verdict)


@pytest.mark.parametrize(
    ("at_least", "low", "high", "noise", "verdict"),
    [
        (0.01, 0.0105, 0.0135, 0.005, "undecided"),  # 0.002 above the threshold
        (0.01, 0.0105, 0.0135, 0.001, "supported"),
        (-0.05, -0.01, 0.012, 0.002, "supported"),  # far from the threshold, though about zero
    ],
)
def test_a_hypothesis_is_undecided_where_noise_reaches_its_threshold(at_least, low, high, noise, verdict):
    stated = Hypothesis(statement="x", at_least=at_least)
    figures = by_fit(estimate(low, high), estimate(low, high))
    found = answer(stated, figures, LIGHT, noise={"lookahead": dict.fromkeys(figures, noise)})
    assert found.verdict == verdict
