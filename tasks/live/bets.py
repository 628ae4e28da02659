"""Evidence that one version is better, as the capital of bets that cannot win on average if it is not.

A bet puts a fraction of the capital on each block of days. If on no day the difference is expected to be above the
margin, the capital is a nonnegative martingale or falls, so that it ever reaches 1 / level with probability level at
most (Ville). Nothing is assumed of the differences' distribution, of the dependence of a day's pairs, or of the number
of days: only that a day's labels are not known before the day, and that a difference cannot exceed what the two
forecasts allow. The next block starts once all labels of the one before it have ended, since labels that
overlap are not settled one after the other.

Sources: Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by betting, J. R. Stat. Soc. B
86(1); Henzi and Ziegel (2022), Valid sequential inference on probability forecast performance, Biometrika 109(3), and
Choe and Ramdas (2024), Comparing sequential forecasters, Oper. Res. 72(4), for forecasts and their lags; Ville (1939).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from tasks.live.paired import PairedDays
from tasks.sampling.arrays import FloatArray, IntArray
from tasks.schemas.live import ScoreName

FRACTIONS = np.array([0.125, 0.25, 0.5, 1.0])
"""Of the capital that each of four bettors stakes, who share the capital at the start. The best of them decides, at a
cost of at most log 4; no fraction has to be estimated."""
TINY = 1e-9
MOST = 690.0
"""Largest logarithm of evidence: beyond it a float overflows."""
N_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class Blocks:
    """Days grouped to blocks whose labels do not overlap.

    Args:
        difference: (n_days,) of the days within blocks.
        bound: (n_days,) the most that each can be either way.
        number: (n_days,) of the block, from 0.
    """

    difference: FloatArray
    bound: FloatArray
    number: IntArray

    def __len__(self) -> int:
        """Number of blocks."""
        return int(self.number[-1]) + 1 if len(self.number) else 0

    def shares(self, margin: float) -> FloatArray:
        """(n_blocks,) what a bet of the whole capital wins in each block, at least -1."""
        share = np.maximum((self.difference - margin) / np.maximum(self.bound + margin, TINY), -1.0)
        means: FloatArray = np.bincount(self.number, weights=share) / np.bincount(self.number)
        return means


def block_numbers(days: PairedDays, days_per_block: int, start: int = 0) -> IntArray:
    """(n_days,) block of each day; -1 before `start`, and until the labels of the block before have ended."""
    numbers = np.full(len(days), -1)
    number, in_block, settled = -1, days_per_block, np.datetime64("1000-01-01")
    for place in range(start, len(days)):
        if in_block == days_per_block:
            if days.days[place] < settled:
                continue
            number, in_block = number + 1, 0
        numbers[place] = number
        in_block += 1
        settled = max(settled, days.label_until[place])
    return numbers


def blocks_of(days: PairedDays, score: ScoreName, days_per_block: int, start: int = 0) -> Blocks:
    """The blocks from a day on, of own - other."""
    numbers = block_numbers(days, days_per_block, start)
    inside = numbers >= 0
    return Blocks(days.difference(score)[inside], days.bound[score][inside], numbers[inside])


def all_blocks(days: PairedDays, score: ScoreName, days_per_block: int) -> list[Blocks]:
    """Blocks that begin with the first day, with the second, and so on, as long as they differ."""
    second = np.flatnonzero(block_numbers(days, days_per_block) == 1)
    n_starts = int(second[0]) if len(second) else 1
    return [blocks_of(days, score, days_per_block, start) for start in range(n_starts)]


def log_capitals(shares: FloatArray) -> FloatArray:
    """(..., n_fractions) logarithm of each bettor's capital after blocks (..., n_blocks); each starts with 1."""
    with np.errstate(divide="ignore"):
        logs: FloatArray = np.log1p(shares[..., np.newaxis, :] * FRACTIONS[:, np.newaxis]).sum(axis=-1)
    return logs


def log_evidence(shares: FloatArray) -> FloatArray:
    """(...,) logarithm of the mean capital of all bettors."""
    return mean_capital(log_capitals(shares))


def mean_capital(logs: FloatArray) -> FloatArray:
    """(...,) logarithm of the mean over the last axis, of logarithms."""
    with np.errstate(divide="ignore"):
        mean: FloatArray = logsumexp(logs, axis=-1) - np.log(logs.shape[-1])
    return mean


def evidence_above(blocks: Sequence[Blocks], margin: float) -> float:
    """e-value against `on no day is the difference expected to be above the margin`: its mean is at most 1 if so.

    It is the mean over several ways to begin the blocks, and holds for a number of days that is set beforehand.
    """
    logs = mean_capital(np.array([log_evidence(own.shares(margin)) for own in blocks]))
    return float(np.exp(min(float(logs), MOST)))


def lower_end(blocks: Sequence[Blocks], level: float) -> float:
    """The largest margin that the evidence rejects at a level, with all smaller ones; -1 if it rejects none.

    The evidence falls as the margin rises, so that halving finds it. The difference lies below it with a probability of
    at most the level.
    """
    if not evidence_above(blocks, -1.0) >= 1 / level:
        return -1.0
    rejected, accepted = -1.0, 1.0
    for _ in range(N_HALVINGS):
        middle = (rejected + accepted) / 2
        if evidence_above(blocks, middle) >= 1 / level:
            rejected = middle
        else:
            accepted = middle
    return rejected


def interval(days: PairedDays, score: ScoreName, days_per_block: int, level: float) -> tuple[float, float]:
    """Where the mean difference lies; either end is wrong with a probability of at most the level."""
    low = lower_end(all_blocks(days, score, days_per_block), level)
    high = -lower_end(all_blocks(days.swapped(), score, days_per_block), level)
    return low, high
