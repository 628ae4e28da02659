"""What so many days can show: the smallest detectable difference, and the days until a loss is found."""

from dataclasses import dataclass

import numpy as np

from tasks.live.bets import Blocks, log_capitals, log_evidence, mean_capital
from tasks.sampling.arrays import FloatArray

POWER = 0.8
N_RESAMPLES = 400
N_HALVINGS = 20
SEED = 0
LONGEST = 1_000
"""Blocks after which a loss counts as not found."""


@dataclass(frozen=True)
class Detection:
    """What a watch needs to find a loss in 80 of 100 cases.

    Args:
        n_blocks: Blocks.
        n_days: Days, with those left out between blocks.
        n_rows: Outcomes.
    """

    n_blocks: int
    n_days: int
    n_rows: int


def fewest_blocks(level: float) -> int:
    """Blocks below which no difference whatever reaches the level: a bet at most doubles the capital."""
    return int(np.ceil(np.log(1 / level) / np.log(2)))


def smallest_detectable(blocks: Blocks, margin: float, level: float) -> float | None:
    """Difference that as many blocks would show at a level in 80 of 100 cases.

    Blocks are drawn with replacement from the blocks' own deviations from their mean, shifted, and bet on.

    Args:
        blocks: Of the hold-out.
        margin: The difference must be shown to be above it.
        level: Of the look.

    Returns:
        The difference; None if not even the largest possible one would be shown.
    """
    if len(blocks) < max(2, fewest_blocks(level)):
        return None
    drawn = _deviations(blocks, margin, len(blocks))
    reaches = np.log(1 / level)

    def power(shift: float) -> float:
        return float(np.mean(log_evidence(np.clip(drawn + shift, -1.0, 1.0)) >= reaches))

    low, high = 0.0, 1.0
    if not power(high) >= POWER:
        return None
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return margin + high * _mean_bound(blocks, margin)


def days_to_detect(
    loss: float, blocks: Blocks, margin: float, level: float, days_per_cycle: float, rows_per_day: float
) -> Detection | None:
    """How long a watch takes to find a loss in 80 of 100 cases.

    Args:
        loss: Mean difference, previous version less current one.
        blocks: Of days on which both were scored; their deviations are drawn from.
        margin: The watch's.
        level: Its false-rollback rate.
        days_per_cycle: Days from one block's start to the next one's.
        rows_per_day: Outcomes of a day.

    Returns:
        None if the loss is not above the margin, there are fewer than two blocks, or it takes more than a thousand.
    """
    if len(blocks) < 2 or not loss > margin:
        return None
    shift = (loss - margin) / _mean_bound(blocks, margin)
    shares = np.clip(_deviations(blocks, margin, LONGEST) + shift, -1.0, 1.0)
    paths = np.stack([log_capitals(shares[:, place : place + 1]) for place in range(LONGEST)], axis=1).cumsum(axis=1)
    crossed = mean_capital(paths) >= np.log(1 / level)
    first = np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1.0, np.inf)
    n_blocks = float(np.quantile(first, POWER, method="higher"))
    if not np.isfinite(n_blocks):
        return None
    n_days = int(np.ceil(n_blocks * days_per_cycle))
    return Detection(int(n_blocks), n_days, int(np.ceil(n_days * rows_per_day)))


def _deviations(blocks: Blocks, margin: float, n_blocks: int) -> FloatArray:
    """(n_resamples, n_blocks) draws of the shares' deviations from their mean, which k blocks show too small."""
    shares = blocks.shares(margin)
    deviations = (shares - shares.mean()) * np.sqrt(len(shares) / (len(shares) - 1))
    drawn: FloatArray = np.random.default_rng(SEED).choice(deviations, size=(N_RESAMPLES, n_blocks))
    return drawn


def _mean_bound(blocks: Blocks, margin: float) -> float:
    return float(np.mean(blocks.bound + margin))
