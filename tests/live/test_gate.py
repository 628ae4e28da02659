"""The gate: what levels sum to, when it promotes, and what it says of its own power."""

import numpy as np
import pytest

from tasks.live.config import GateConfig
from tasks.live.errors import BadDays, TooFewDays
from tasks.live.gate import judge, level_after, level_of, weigh
from tasks.live.paired import paired_days
from tests.live.forecasts import days_of, right_in, table

CONFIG = GateConfig(holdout_days=100)
RNG = np.random.default_rng(0)
ROWS = table(120, RNG)
GOOD, POOR = right_in(ROWS, 0.95, RNG), right_in(ROWS, 0.5, RNG)


def test_the_levels_of_all_looks_that_will_ever_be_sum_to_the_rate() -> None:
    spent = sum(level_of(look, 0, 0.05) for look in range(1, 501))
    assert spent + level_after(500, 0, 0.05) == pytest.approx(0.05)
    assert level_of(3, 2, 0.05) == pytest.approx(3 * level_of(3, 0, 0.05))


def test_a_better_candidate_is_promoted_and_a_worse_one_is_not() -> None:
    better, worse = judge(paired_days(GOOD, POOR), [], CONFIG), judge(paired_days(POOR, GOOD), [], CONFIG)
    assert (better.verdict, worse.verdict) == ("promote", "keep")
    assert better.sentence.startswith("Promoted: accuracy +0.375 [+0.081, +0.556] at level 0.0047 on 100 days")
    assert "smallest difference that such a look promotes in 80 of 100 cases" in worse.sentence
    assert (better.n_days, better.n_rows, better.n_bets) == (100, 400, 20)


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.3, 0.45])
def test_it_promotes_exactly_if_the_interval_lies_above_the_margin(margin: float) -> None:
    found = judge(paired_days(GOOD, POOR), [], CONFIG.model_copy(update={"margin": margin}))
    interval = next(own.interval for own in found.scores if own.name == "accuracy")
    assert interval is not None
    assert (found.verdict == "promote") == (interval[0] > margin) == (found.evidence >= 1 / found.level)


def test_only_the_newest_days_count() -> None:
    late = ROWS["date"] >= ROWS["date"].unique()[20]
    assert judge(paired_days(GOOD[late], POOR[late]), [], CONFIG) == judge(paired_days(GOOD, POOR), [], CONFIG)


def test_ten_days_cannot_show_anything_and_the_gate_says_so() -> None:
    found = judge(paired_days(GOOD, POOR), [], GateConfig(holdout_days=10))
    assert (found.verdict, found.smallest_detectable, found.n_bets) == ("keep", None, 2)
    assert "2 days whose labels do not overlap show no difference at this level" in found.sentence
    assert "at least 8 are needed" in found.sentence


def test_each_look_states_what_it_and_all_before_it_spent() -> None:
    first = judge(paired_days(GOOD, POOR), [], CONFIG)
    second = judge(paired_days(POOR, GOOD), [first], CONFIG)
    assert (first.look, second.look) == (1, 2)
    assert second.level == pytest.approx(2 * level_of(2, 0, 0.05))
    assert second.level_spent == pytest.approx(first.level + second.level)
    assert second.level_left == pytest.approx(level_after(2, 1, 0.05))


def test_looks_that_are_left_out_or_older_than_an_earlier_one_are_refused() -> None:
    first = judge(paired_days(GOOD, POOR), [], CONFIG)
    with pytest.raises(BadDays, match="look 1 is given as number 2"):
        judge(paired_days(GOOD, POOR), [first, first], CONFIG)
    early = ROWS["date"] < ROWS["date"].unique()[110]
    with pytest.raises(BadDays, match="and look 1 saw outcomes up to 2026-06-19"):
        judge(paired_days(GOOD[early], POOR[early]), [first], CONFIG)
    with pytest.raises(TooFewDays, match="holdout_days=121"):
        judge(paired_days(GOOD, POOR), [], GateConfig(holdout_days=121))


def test_the_smallest_detectable_difference_is_found_in_four_of_five_holdouts() -> None:
    rng, config = np.random.default_rng(1), GateConfig(holdout_days=60)
    stated = judge(days_of(rng.normal(0, 0.1, 60).clip(-0.4, 0.4), 0.4), [], config).smallest_detectable
    assert stated is not None
    level = level_of(1, 0, 0.05)
    found = [weigh(days_of(rng.normal(stated, 0.1, 60).clip(-0.4, 0.4), 0.4), level, config)[1] for _ in range(300)]
    assert 0.65 <= np.mean(found) <= 0.95
