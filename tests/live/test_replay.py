"""Years of updates on the currency panel: no promotion from noise, promotion after a drift, rollback of poison.

Small forms of `make simulate-live`; the slow one has its rates.
"""

import numpy as np
import pytest

from tests.simulations.live import (
    LEARNED,
    PLANTED_ON,
    detectable_at_the_look,
    drift,
    is_falsely_undone,
    is_from_before,
    is_in_time,
    noise,
    poison,
    rollbacks,
)
from tests.simulations.live_replay import difference, paired_half_widths, replay
from tests.simulations.live_world import make_world


def test_nothing_can_be_forecast_in_a_world_without_a_planted_feature() -> None:
    world = make_world(np.random.default_rng(0))
    features = world.features[..., :-1].reshape(-1, 2)
    assert np.abs(features.T @ world.sign.ravel() / len(features)).max() < 0.03


def test_noise_is_not_promoted() -> None:
    done = replay(make_world(np.random.default_rng(1), n_days=1_000))
    assert done.n_looks > 50
    assert not done.promoted
    assert done.production == "v1"


def test_a_drift_is_followed_once_the_holdout_lies_behind_it() -> None:
    done = drift(np.random.default_rng(2))
    assert is_in_time(done)
    mean, half_width = difference(done.right["gate"], done.right["never"])
    assert mean - half_width > 0.05
    assert done.history.version("v1").state == "deprecated"


def test_poison_is_rolled_back() -> None:
    done = poison(np.random.default_rng(3))
    assert done.promoted
    assert done.rolled_back
    assert done.production not in done.rolled_back
    mean, half_width = difference(done.right["always"], done.right["gate"])
    assert mean + half_width < 0


def test_the_intervals_of_a_curve_are_those_of_its_paired_differences_over_runs_of_days() -> None:
    """Of noise without a difference 95 in 100 windows hold zero, and of the same policy all: its width is zero."""
    rng, n_days = np.random.default_rng(4), 12_000
    # Five days share each shock, as overlapping labels do; what both policies share has no weight.
    shared, own = (np.repeat(rng.normal(size=n_days // 5), 5) for _ in range(2))
    half_widths = paired_half_widths(0.5 + shared + 0.1 * own, 0.5 + shared, 1_000)
    means = np.convolve(0.1 * own, np.ones(1_000) / 1_000, mode="valid")
    assert np.mean(np.abs(means[::1_000]) <= half_widths[::1_000]) > 0.9
    assert half_widths.mean() == pytest.approx(1.96 * 0.1 * np.sqrt(5 / 1_000), rel=0.1)
    assert not paired_half_widths(shared, shared, 1_000).any()


@pytest.mark.slow
def test_rates_are_as_stated() -> None:
    """The replays of `make simulate-live`, with fewer of noise."""
    assert not any(noise(np.random.default_rng([1, seed])).promoted for seed in range(8, 16))
    drifts = [drift(np.random.default_rng([1, seed])) for seed in range(20)]
    detectable, gain = detectable_at_the_look(drifts[0], PLANTED_ON + LEARNED)
    assert detectable < gain
    assert np.mean([is_in_time(own) for own in drifts]) >= 0.8
    poisoned = [poison(np.random.default_rng([1, seed])) for seed in range(20)]
    undone = [pair for own in poisoned for pair in rollbacks(own)]
    assert len(undone) >= len(poisoned)
    assert np.mean([predicted is not None and days <= predicted for days, predicted in undone]) >= 0.8
    assert all(is_from_before(own) for own in poisoned)
    assert np.mean([is_falsely_undone(np.random.default_rng([2, seed])) for seed in range(50)]) <= 0.05
