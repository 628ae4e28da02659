"""The premium of planted columns, whose truth is known: formulas without fits.

A column carries the target with R2 = r on the rows of the known days and is independent noise of the same variance on
the others; pi is the known fraction of all rows, kappa of the train side, theta of the test side.
Source: the least squares slope on a side is sqrt(r) times the known share there; R2 follows by expectation.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np


def planted_scores(r: float, pi: float, kappa: float, theta: float) -> tuple[float, float]:
    """R2 on and off of a planted column; the premium is their difference, r (pi^2 + kappa^2 - 2 kappa theta).

    Args:
        r: R2 of the column on known rows.
        pi: Known share of all rows.
        kappa: Known share of the rows up to the cut.
        theta: Known share of the rows after it.
    """
    return r * pi**2, r * (2 * kappa * theta - kappa**2)


def known_shares(knowledge_end: date, first_day: date, last_day: date, train_until: date) -> tuple[float, float, float]:
    """pi, kappa and theta of a panel with as many rows on every weekday.

    Args:
        knowledge_end: Last day whose returns are known.
        first_day: First day of the panel.
        last_day: Last day of the panel.
        train_until: Last day of the train side.
    """
    n_train, n_all = (_n_weekdays(first_day, day) for day in (train_until, last_day))
    n_known = _n_weekdays(first_day, min(knowledge_end, last_day))
    n_known_train = min(n_known, n_train)
    return n_known / n_all, n_known_train / n_train, (n_known - n_known_train) / (n_all - n_train)


def tent(
    r: float, knowledge_ends: Sequence[date], first_day: date, last_day: date, train_until: date
) -> list[tuple[date, float]]:
    """Premium of a planted column over a ladder of knowledge ends.

    It rises until knowledge reaches the cut and falls behind it: a model that knows everything scores like one that
    knows nothing, for it does as well off as on.

    Args:
        r: R2 of the column on known rows.
        knowledge_ends: Last known day of each rung.
        first_day: First day of the panel.
        last_day: Last day of the panel.
        train_until: Last day of the train side.

    Returns:
        Knowledge end and premium, a pair per rung.
    """
    rungs = []
    for end in knowledge_ends:
        on, off = planted_scores(r, *known_shares(end, first_day, last_day, train_until))
        rungs.append((end, on - off))
    return rungs


def date_shock_on(correlation: float, n_train_rows_per_date: float, alpha: float) -> float:
    """R2 on of one-hot dates under shocks that all stocks share on a day; nothing is known of any future.

    Args:
        correlation: rho, the shock's share of the target's variance.
        n_train_rows_per_date: m, rows of a day on the train side.
        alpha: Ridge penalty on the unscaled columns.

    Returns:
        rho (2c - c^2) - c^2 (1 - rho) / m with c = m / (m + alpha).
    """
    shrinkage = n_train_rows_per_date / (n_train_rows_per_date + alpha)
    shared = correlation * (2 * shrinkage - shrinkage**2)
    return shared - shrinkage**2 * (1 - correlation) / n_train_rows_per_date


def _n_weekdays(first_day: date, last_day: date) -> int:
    return max(0, int(np.busday_count(first_day, last_day + timedelta(days=1))))
