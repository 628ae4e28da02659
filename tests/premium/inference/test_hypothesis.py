"""The verdict on a hypothesis, by the two-way interval alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.premium.config import Hypothesis
from tasks.premium.inference.robust import answer
from tasks.schemas.scores import Estimate, Interval


def estimate(low: float, high: float) -> Estimate:
    return Estimate(point=(low + high) / 2, two_way=Interval(p2_5=low, p50=(low + high) / 2, p97_5=high))


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
    hypothesis = Hypothesis(statement="the premium falls by a twentieth", metric="reduction", at_least=0.05)
    found = answer(hypothesis, estimate(low, high))
    assert found.verdict == verdict
    assert (found.statement, found.metric, found.at_least) == ("the premium falls by a twentieth", "reduction", 0.05)
    assert f"from {low:.4g} to {high:.4g}" in found.reason


def test_without_an_interval_nothing_is_decided_and_the_reason_is_passed_on():
    found = answer(Hypothesis(statement="x"), Estimate(point=0.3, why_none="12 of 1,000 draws could be scored."))
    assert found.verdict == "undecided"
    assert found.reason == "there is no two-way interval: 12 of 1,000 draws could be scored."


def test_the_jackknife_decides_nothing():
    found = answer(Hypothesis(statement="x"), Estimate(point=0.3, jackknife_se=0.01, jackknife=(0.28, 0.32)))
    assert found.verdict == "undecided"


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1))
def test_a_higher_threshold_never_turns_rejected_into_supported(low, width, threshold, higher):
    order = ["rejected", "undecided", "supported"]
    found = estimate(low, low + width)
    lax, strict = (answer(Hypothesis(statement="x", at_least=t), found) for t in (threshold, threshold + higher))
    assert order.index(strict.verdict) <= order.index(lax.verdict)
