"""What so many days can show: the smallest detectable difference, and the days until a loss is found."""

from dataclasses import dataclass

import numpy as np

from tasks.live.bets import Bets, log_evidence, log_mean, log_won
from tasks.sampling.arrays import FloatArray

POWER = 0.8
N_RESAMPLES = 400
N_HALVINGS = 20
SEED = 0
MOST_BETS = 1_000
"""After so many a loss counts as not found."""


@dataclass(frozen=True)
class Detection:
    """What a watch needs to find a loss in 80 of 100 cases.

    Args:
        n_bets: Bets.
        n_days: Days, with those between bets.
        n_rows: Outcomes.
    """

    n_bets: int
    n_days: int
    n_rows: int


def fewest_bets(level: float) -> int:
    """Bets below which no difference whatever reaches the level: a bet at most doubles the capital."""
    return int(np.ceil(np.log2(1 / level)))


def smallest_detectable(bets: Bets, margin: float, level: float) -> float | None:
    """Difference that as many bets would show at a level in 80 of 100 cases.

    Bets are drawn with replacement from the deviations of these bets from their mean, shifted, and settled.

    Args:
        bets: Of the hold-out.
        margin: The difference must be shown to be above it.
        level: Of the look.

    Returns:
        The difference; None if not even the largest possible one would be shown.
    """
    if len(bets) < max(2, fewest_bets(level)):
        return None
    drawn, bound = _drawn(bets, len(bets))
    reaches = np.log(1 / level)

    def power(shift: float) -> float:
        return float(np.mean(log_evidence(_within(drawn + shift, bound), bound, margin) >= reaches))

    low, high = 0.0, 2.0
    if not power(high) >= POWER:
        return None
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return float(np.mean(_within(drawn + high, bound)))


def days_to_detect(
    loss: float, bets: Bets, margin: float, level: float, days_per_bet: float, rows_per_day: float
) -> Detection | None:
    """How long a watch takes to find a loss in 80 of 100 cases.

    Args:
        loss: Mean difference, previous version less current one.
        bets: Of days on which both were scored; their deviations are drawn from.
        margin: The watch's.
        level: Its false-rollback rate, divided by its number of series; the first of several is sooner than predicted.
        days_per_bet: Days from one bet to the next.
        rows_per_day: Outcomes of a day.

    Returns:
        None if the loss is not above the margin, there are fewer than two bets, or it takes more than a thousand.
    """
    if len(bets) < 2 or not loss > margin:
        return None
    drawn, bound = _drawn(bets, MOST_BETS)
    paths = log_won(_within(drawn + loss, bound), bound, margin).cumsum(axis=1)
    crossed = log_mean(paths) >= np.log(1 / level)
    first = np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1.0, np.inf)
    n_bets = float(np.quantile(first, POWER, method="higher"))
    if not np.isfinite(n_bets):
        return None
    n_days = int(np.ceil(n_bets * days_per_bet))
    return Detection(int(n_bets), n_days, int(np.ceil(n_days * rows_per_day)))


def _drawn(bets: Bets, n_bets: int) -> tuple[FloatArray, FloatArray]:
    """(n_resamples, n_bets) draws of the differences' deviations from their mean, and of their bounds.

    Deviations from the mean of k bets are too small by sqrt((k - 1) / k).
    """
    deviations = (bets.difference - bets.difference.mean()) * np.sqrt(len(bets) / (len(bets) - 1))
    chosen = np.random.default_rng(SEED).integers(len(bets), size=(N_RESAMPLES, n_bets))
    return deviations[chosen], bets.bound[chosen]


def _within(differences: FloatArray, bound: FloatArray) -> FloatArray:
    return np.clip(differences, -bound, bound)
