"""The currency panel as a world in which it is known what can be forecast.

Prices are the European Central Bank's, with every day's returns of all currencies multiplied by one random sign: heavy
tails, volatility that lasts, and what pairs share stay as they are, and from the past no direction can be forecast. A
planted feature is the coming return with noise that was made in the same way, so that its errors are shared by a day's
pairs and last as long as labels overlap.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator

from tasks.live.paired import PairedDays, largest_difference, score_of
from tasks.panel.sources.currencies import PAIRS, euro_rates
from tasks.sampling.arrays import FloatArray
from tasks.schemas.live import SCORES

HORIZON = 5
"""Of direction-fx."""
MONTH = 30
"""Days of the longest feature."""


@dataclass(frozen=True, eq=False)
class World:
    """Days of 51 pairs.

    Args:
        days: (n_days,) datetime64[D].
        label_until: (n_days,) the last day of each day's labels.
        features: (n_days, n_pairs, n_features) known on the day, about standardized; the last is one.
        sign: (n_days, n_pairs) of the return over the horizon.
    """

    days: np.ndarray
    label_until: np.ndarray
    features: FloatArray
    sign: FloatArray

    def compared(self, rows: slice, own: FloatArray, other: FloatArray, sign: FloatArray | None = None) -> PairedDays:
        """Two forecasters on some days.

        Args:
            rows: The days.
            own: (n_features,) weights.
            other: (n_features,) weights.
            sign: (n_days, n_pairs) of the outcomes to score by; by default the true ones.
        """
        probability = np.stack([forecast(weights, self.features[rows]) for weights in (own, other)])
        outcome = (self.sign if sign is None else sign)[rows]
        scored = {name: score_of(name, probability, outcome).mean(axis=-1) for name in SCORES}
        return PairedDays(
            days=self.days[rows],
            label_until=self.label_until[rows],
            n_rows=np.full(probability.shape[1], probability.shape[2]),
            own={name: values[0] for name, values in scored.items()},
            other={name: values[1] for name, values in scored.items()},
            bound={name: largest_difference(name, probability).mean(axis=-1) for name in SCORES},
        )


def forecast(weights: FloatArray, features: FloatArray) -> FloatArray:
    """(...,) probability of a rise, of features (..., n_features)."""
    probability: FloatArray = 1 / (1 + np.exp(-features @ weights))
    return probability


def make_world(
    rng: Generator | None, correlation: float = 0.0, turns_on: int | None = None, n_days: int = 10_000
) -> World:
    """Draw a world.

    Args:
        rng: Draws the signs; None leaves prices as they were, without a planted feature.
        correlation: Of the planted feature with the coming return.
        turns_on: Day from which the planted feature's sign is turned: a drift.
        n_days: Last days to keep.
    """
    returns, days = pair_returns()
    if rng is not None:
        returns = returns * rng.choice([-1.0, 1.0], size=(len(returns), 1))
    past = np.vstack([np.zeros(returns.shape[1]), returns.cumsum(axis=0)])
    now = np.arange(MONTH, len(days) - HORIZON)[-n_days:]
    outcome = past[now + 1 + HORIZON] - past[now + 1]
    columns = [past[now + 1] - past[now + 1 - length] for length in (HORIZON, MONTH)]
    if rng is not None and correlation:
        noise = _shifted(returns, now, rng)
        column = correlation * _scaled(outcome) + np.sqrt(1 - correlation**2) * _scaled(noise)
        columns.append(np.where(np.arange(len(now))[:, np.newaxis] < (turns_on or len(now)), column, -column))
    ones = np.ones_like(outcome)
    return World(
        days=days[now],
        label_until=days[now + HORIZON],
        features=np.stack([*map(_scaled, columns), ones], axis=-1),
        sign=np.sign(outcome),
    )


@cache
def pair_returns() -> tuple[FloatArray, np.ndarray]:
    """(n_days, n_pairs) log returns of one day, and the days."""
    rates = euro_rates().dropna()
    logs = np.log(rates)
    prices = np.stack([(logs[second] - logs[first]).to_numpy() for first, second in sorted(PAIRS)], axis=1)
    return np.diff(prices, axis=0), rates.index.to_numpy("datetime64[D]")[1:]


def _shifted(returns: FloatArray, now: np.ndarray, rng: Generator) -> FloatArray:
    """Coming returns of other days, with signs of their own."""
    moved = np.roll(returns, int(rng.integers(500, len(returns) - 500)), axis=0)
    moved = moved * rng.choice([-1.0, 1.0], size=(len(moved), 1))
    sums = np.vstack([np.zeros(returns.shape[1]), moved.cumsum(axis=0)])
    return sums[now + 1 + HORIZON] - sums[now + 1]


def _scaled(columns: FloatArray) -> FloatArray:
    scaled: FloatArray = columns / columns.std(axis=0)
    return scaled
