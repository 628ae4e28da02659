"""Dated items on both sides of a cutoff, equally long."""

from datetime import date

import numpy as np
import pytest

from tasks.probe.recall.facts import fact_scores
from tests.probe.recall.made_answers import made_facts
from tests.simulations.recall import false_differences, made_sentences

CUTOFF = date(2020, 12, 31)


def known(facts, before: float, after: float) -> np.ndarray:
    """Margins: the first items of each side are recognised, as many as the shares say."""
    is_before = (facts["date"] <= str(CUTOFF)).to_numpy()
    margin = np.full(len(facts), -1.0)
    for side, share in ((is_before, before), (~is_before, after)):
        places = np.flatnonzero(side)
        margin[places[: round(share * len(places))]] = 1.0
    return margin


def test_shares_on_both_sides_have_intervals_and_the_gate_is_passed_or_failed():
    facts = made_facts(120)
    found = fact_scores(facts.assign(margin=known(facts, 0.8, 0.05)), CUTOFF)
    assert (found.n_before, found.n_after) == (60, 60)
    assert found.n_unmatched == (0, 0)
    assert found.before.point == 0.8
    assert found.before.interval == pytest.approx((0.682, 0.882), abs=1e-3)  # Wilson, 48 of 60
    assert found.difference.point == pytest.approx(0.75)
    assert found.difference.interval[0] > 0.6
    assert found.chance == pytest.approx(0.1)
    assert found.gate == "passed"
    assert fact_scores(facts.assign(margin=known(facts, 0.6, 0.05)), CUTOFF).gate == "failed"
    assert fact_scores(facts.assign(margin=known(facts, 0.8, 0.2)), CUTOFF).gate == "failed"


def test_a_gate_below_chance_is_not_held_against_a_model():
    facts = made_facts(120, n_wrong=3)
    found = fact_scores(facts.assign(margin=known(facts, 0.8, 0.25)), CUTOFF)
    assert found.chance == 0.25
    assert found.gate is None
    assert found.why_no_gate == "items need 9 wrong answers or more, or chance exceeds 10%"


def test_items_of_sides_that_differ_in_length_are_matched_and_the_rest_counted():
    """Longer items are recognised, and those before the cutoff are longer: matched, the difference is gone."""
    facts = made_facts(400)
    is_before = (facts["date"] <= str(CUTOFF)).to_numpy()
    rng = np.random.default_rng(0)
    facts["n_bytes"] = np.round(np.exp(rng.normal(np.where(is_before, 4.3, 4.0), 0.4))).astype(int)
    margin = np.log(facts["n_bytes"]) - 4.1 + 0.2 * rng.normal(size=400)
    found = fact_scores(facts.assign(margin=margin), CUTOFF)
    assert found.length_gap[0] > 0.5
    assert abs(found.length_gap[1]) <= 0.1
    assert found.n_before == found.n_after > 100
    assert found.n_unmatched[0] == is_before.sum() - found.n_before
    assert found.n_unmatched[1] == (~is_before).sum() - found.n_after
    assert found.difference.interval[0] < 0 < found.difference.interval[1]


def test_sides_without_any_length_in_common_are_refused_with_the_reason():
    facts = made_facts(120)
    facts["n_bytes"] = np.where(facts["date"] <= str(CUTOFF), 50, 500) + np.arange(120) % 7
    found = fact_scores(facts.assign(margin=1.0), CUTOFF)
    assert found.before.point is None
    assert found.before.why_none == "the two sides differ in length, and 0 pairs of about equal length are left"
    assert found.n_unmatched == (60, 60)
    assert found.gate is None


def test_no_items_no_cutoff_or_one_side_make_no_share_but_a_reason():
    facts = made_facts(40).assign(margin=1.0)
    assert fact_scores(facts[:0], CUTOFF).before.why_none == "there are no dated items"
    assert fact_scores(facts, None).before.why_none == "the model's cutoff is unknown"
    late = fact_scores(facts, date(2023, 1, 1))
    assert late.after.why_none == "40 items are from before the cutoff, 0 from after; 10 are needed"
    assert late.difference.point is None
    assert late.why_no_gate == late.after.why_none


def test_sentences_of_a_document_are_no_independent_items():
    """Sentences that are known together, and no difference: 5 of 100 intervals exclude zero."""
    assert false_differences(20, 8, n=150) <= 0.09
    assert false_differences(160, 1, n=150) <= 0.09
    found = fact_scores(made_sentences(0, 100, 8, spread=1.0, gain=1.0), CUTOFF)
    assert found.difference.interval[0] > 0


def test_copies_of_an_item_make_no_interval_narrower():
    facts = made_facts(120).assign(margin=np.where(np.arange(120) % 3, 1.0, -1.0))
    copied = facts.loc[np.repeat(np.arange(120), 5)].reset_index(drop=True)
    copied["id"] = [f"{name}:{number}" for name, number in zip(copied["id"], np.tile(np.arange(5), 120), strict=True)]
    once, often = fact_scores(facts, CUTOFF).before, fact_scores(copied, CUTOFF).before
    assert often.point == once.point
    assert often.interval == pytest.approx(once.interval, abs=0.01)
    certain = fact_scores(copied.assign(margin=1.0), CUTOFF).before
    assert certain.interval == pytest.approx(
        (fact_scores(facts.assign(margin=1.0), CUTOFF).before.interval[0], 1), abs=0.01
    )


def test_by_day_documents_of_a_day_are_one_observation():
    """Ten documents of a day that are known together: an interval that counts days is the one of as many items."""
    facts = made_facts(120).assign(margin=np.where(np.arange(120) % 3, 1.0, -1.0))
    copied = facts.loc[np.repeat(np.arange(120), 10)].reset_index(drop=True)
    copied["id"] = [f"{name}/{number}" for name, number in zip(copied["id"], np.tile(np.arange(10), 120), strict=True)]
    once = fact_scores(facts, CUTOFF, "day").before.interval
    assert fact_scores(copied, CUTOFF, "day").before.interval == pytest.approx(once, abs=0.01)
    by_document = fact_scores(copied, CUTOFF).before.interval
    assert by_document[1] - by_document[0] < 0.5 * (once[1] - once[0])
    one_day = facts.assign(date=facts["date"].iloc[0])
    assert fact_scores(one_day[:60], facts["date"].iloc[0].date(), "day").before.point is None


def test_items_of_two_documents_have_a_share_and_no_interval():
    facts = made_facts(60).assign(margin=1.0)
    facts["id"] = [f"d{number % 2}:{number}" for number in range(60)]
    found = fact_scores(facts, CUTOFF)
    assert found.before.point == 1
    assert found.before.why_none == "an interval needs items of 3 documents, and there are 2"
    assert found.difference.why_none == found.before.why_none
