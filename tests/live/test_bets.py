"""Evidence by betting: known answers, and false evidence at tiny levels, where a t-test does not hold its own."""

import numpy as np
import pytest

from tasks.live.bets import STAKES, Bets, all_bets, bet_days, evidence_above, interval, log_evidence, lower_end
from tests.live.forecasts import days_of
from tests.simulations.levels import BOUND, DRAWS, LEVELS, N_PER_CHUNK, false_rates


def test_the_evidence_is_the_mean_capital_of_all_bettors() -> None:
    bets = Bets(np.array([0.1, -0.1]), np.array([0.2, 0.2]))
    stakes = np.minimum(STAKES, 5.0)
    assert evidence_above([bets], 0.0) == pytest.approx(np.mean((1 + stakes * 0.1) * (1 - stakes * 0.1)))


def test_versions_that_always_agree_give_no_evidence() -> None:
    assert evidence_above([Bets(np.zeros(50), np.zeros(50))], 0.0) == 1.0


def test_a_bet_at_most_doubles_the_capital() -> None:
    assert evidence_above([Bets(np.full(8, 0.01), np.full(8, 0.01))], 0.0) <= 2.0**8


def test_the_evidence_falls_as_the_margin_rises() -> None:
    rng = np.random.default_rng(0)
    bound = rng.uniform(0.05, 0.5, 40)
    bets = Bets(rng.uniform(-bound, bound), bound)
    found = [evidence_above([bets], margin) for margin in np.linspace(-1, 1, 401)]
    assert (np.diff(found) <= 1e-9 * np.abs(found[:-1])).all()


def test_a_margin_is_rejected_exactly_where_the_evidence_reaches_the_level() -> None:
    bets = [Bets(np.random.default_rng(1).uniform(-0.1, 0.2, 60), np.full(60, 0.2))]
    low = lower_end(bets, 0.01)
    assert evidence_above(bets, low - 1e-6) >= 100 > evidence_above(bets, low + 1e-6)


def test_bets_wait_until_the_labels_before_have_ended() -> None:
    days = days_of(np.zeros(12), 0.5, horizon=5)
    assert bet_days(days).tolist() == [0, 5, 10]
    assert bet_days(days, start=3).tolist() == [3, 8]
    assert [len(own) for own in all_bets(days, "accuracy")] == [3, 3, 2, 2, 2]


def test_the_interval_holds_the_mean_and_turns_with_the_versions() -> None:
    days = days_of(np.random.default_rng(2).normal(0.05, 0.1, 300).clip(-0.4, 0.4), 0.4)
    low, high = interval(days, "accuracy", 0.05)
    assert low < 0.05 < high
    assert interval(days.swapped(), "accuracy", 0.05) == pytest.approx((-high, -low))


@pytest.mark.parametrize("n_days", [8, 40])
@pytest.mark.parametrize("name", DRAWS)
def test_false_evidence_is_no_more_frequent_than_the_level_says(name: str, n_days: int) -> None:
    rates = false_rates(DRAWS[name], n_days, N_PER_CHUNK)["bets"]
    assert (rates <= np.array(LEVELS) + 3 * np.sqrt(np.array(LEVELS) / N_PER_CHUNK)).all()
    drawn = DRAWS[name]((N_PER_CHUNK, n_days), np.random.default_rng(3))
    evidence = np.exp(log_evidence(drawn, np.full(drawn.shape, BOUND), 0.0))
    assert evidence.mean() <= 1.0 + 4 * evidence.std() / np.sqrt(len(evidence))


def test_a_t_test_at_a_tiny_level_promotes_by_chance() -> None:
    """Why the gate bets: eight days that are a little better each are certainty to a t-test at any level."""
    assert false_rates(DRAWS["better on most days, much worse on few"], 8, N_PER_CHUNK)["t"][-1] > 0.5


def test_shared_days_of_neighbouring_labels_give_no_false_evidence() -> None:
    """Differences that share four of five days' shocks, as labels over five days do."""
    shocks = np.random.default_rng(5).choice([-1.0, 1.0], (10_000, 44))
    differences = 0.1 * np.sign(np.lib.stride_tricks.sliding_window_view(shocks, 5, axis=1).sum(axis=-1))
    first = days_of(differences[0], 0.1, horizon=5)
    starts = [differences[:, bet_days(first, start)] for start in range(5)]
    evidence = np.mean([np.exp(log_evidence(own, np.full(own.shape, 0.1), 0.0)) for own in starts], axis=0)
    assert evidence[0] == pytest.approx(evidence_above(all_bets(first, "accuracy"), 0.0))
    assert evidence.mean() <= 1.0 + 4 * evidence.std() / np.sqrt(len(evidence))
    assert (evidence >= 20).mean() <= 0.05
