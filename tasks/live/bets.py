"""Evidence that one version is better, as the capital of bets that cannot win on average if it is not.

A bettor multiplies the capital by 1 + stake * (difference - margin) of a day, and bets again on the first day on which
all labels of the bet before have ended. If on no day the difference is expected to be above the margin, the capital
does not grow on average, so that it ever reaches 1 / level with a probability of at most level (Ville's inequality).
Nothing is assumed of the differences' distribution, of the dependence of a day's pairs, or of the number of days: only
that labels are not known beforehand, and that a difference cannot exceed what the two forecasts allow.

Sources: Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by betting, J. R. Stat. Soc. B
86(1); Henzi and Ziegel (2022), Valid sequential inference on probability forecast performance, Biometrika 109(3), and
Choe and Ramdas (2024), Comparing sequential forecasters, Oper. Res. 72(4), for forecasts and their lags; Cover (1991),
Universal portfolios, Math. Finance 1(1), for the mixture of bettors; Ville (1939), Étude critique de la notion de
collectif.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from tasks.live.paired import PairedDays
from tasks.sampling.arrays import FloatArray, IntArray
from tasks.schemas.live import ScoreName

STAKES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
"""Of seven bettors, who share the capital at the start: for differences that vary much, and for those of versions that
nearly agree. The best of them decides, at a cost of at most log 7; no stake is estimated."""
MOST = 690.0
"""Largest logarithm of evidence: beyond it a float overflows."""
N_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class Bets:
    """The days that are bet on, one after the other.

    Args:
        difference: (n_bets,) own - other of the day.
        bound: (n_bets,) the most that it can be either way.
    """

    difference: FloatArray
    bound: FloatArray

    def __len__(self) -> int:
        """Number of bets."""
        return len(self.difference)


def bet_days(days: PairedDays, start: int = 0) -> IntArray:
    """Positions of the days that are bet on, from one on: each the first on which the labels before have ended."""
    following, chosen = np.searchsorted(days.days, days.label_until).tolist(), []
    while start < len(days):
        chosen.append(start)
        start = following[start]
    return np.array(chosen, dtype=np.int64)


def all_bets(days: PairedDays, score: ScoreName) -> list[Bets]:
    """Bets that begin on the first day, on the second, and so on until they would repeat those of the first."""
    first = bet_days(days)
    n_starts = int(first[1]) if len(first) > 1 else 1
    chosen = [bet_days(days, start) for start in range(n_starts)]
    return [Bets(days.difference(score)[own], days.bound[score][own]) for own in chosen]


def log_won(difference: FloatArray, bound: FloatArray, margin: float) -> FloatArray:
    """(..., n_bettors) logarithm of what each bettor's capital is multiplied by in a bet on `above the margin`.

    Args:
        difference: (...,) of each bet.
        bound: (...,) the most that it can be either way. No stake is so large that more than all could be lost.
        margin: What the difference is compared with.
    """
    most_lost = np.asarray(bound + margin)[..., np.newaxis]
    with np.errstate(divide="ignore"):
        stakes = np.minimum(STAKES, np.where(most_lost > 0, 1 / most_lost, np.inf))
        won: FloatArray = np.log1p(np.maximum(stakes * np.asarray(difference - margin)[..., np.newaxis], -1.0))
    return won


def log_mean(logs: FloatArray) -> FloatArray:
    """(...,) logarithm of the mean over the last axis, of logarithms."""
    with np.errstate(divide="ignore"):
        mean: FloatArray = logsumexp(logs, axis=-1) - np.log(logs.shape[-1])
    return mean


def log_evidence(difference: FloatArray, bound: FloatArray, margin: float) -> FloatArray:
    """(...,) logarithm of all bettors' mean capital after bets (..., n_bets)."""
    return log_mean(log_won(difference, bound, margin).sum(axis=-2))


def evidence_above(bets: Sequence[Bets], margin: float) -> float:
    """e-value against `on no day is the difference expected to be above the margin`: its mean is at most 1 if so.

    It is the mean over several ways to begin, and holds for a number of days that is set beforehand.
    """
    logs = np.array([log_evidence(own.difference, own.bound, margin) for own in bets])
    return float(np.exp(min(float(log_mean(logs)), MOST)))


def lower_end(bets: Sequence[Bets], level: float) -> float:
    """The largest margin that is rejected at a level, with all smaller ones; -1 if none is.

    The evidence falls as the margin rises, so that halving finds it.
    """
    if not evidence_above(bets, -1.0) >= 1 / level:
        return -1.0
    rejected, accepted = -1.0, 1.0
    for _ in range(N_HALVINGS):
        middle = (rejected + accepted) / 2
        if evidence_above(bets, middle) >= 1 / level:
            rejected = middle
        else:
            accepted = middle
    return rejected


def interval(days: PairedDays, score: ScoreName, level: float) -> tuple[float, float]:
    """Where a difference that is the same on all days lies; either end is wrong with a probability of at most level."""
    return lower_end(all_bets(days, score), level), -lower_end(all_bets(days.swapped(), score), level)
