"""How far the scores would move with other stocks."""

import logging
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from tasks.artifacts import Interval
from tasks.premium.config import PremiumConfig
from tasks.premium.errors import TooFewDraws, Unscorable
from tasks.premium.ridge import FloatArray
from tasks.premium.rows import Rows
from tasks.premium.scores import score_models
from tasks.premium.splits import IntArray

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30
MIN_KEPT_DRAWS = 10
"""Below that, a 2.5 % percentile is the smallest draw and says nothing."""


class Progress:
    """Logs a line every half minute, and one at the end.

    Args:
        n_draws: Draws in all.
    """

    def __init__(self, n_draws: int) -> None:
        self.n_draws = n_draws
        self.started = self.reported = time.monotonic()

    def report(self, n_done: int) -> None:
        """Log how many draws are done, if it is time."""
        now = time.monotonic()
        if now - self.reported < SECONDS_BETWEEN_LINES and n_done < self.n_draws:
            return
        self.reported = now
        per_minute = 60 * n_done / max(now - self.started, 1e-9)
        log.info("premium: draw %d of %d, %.1f draws/min", n_done, self.n_draws, per_minute)


def resample_stocks(stocks: IntArray, n_draws: int, rng: Generator) -> Iterator[IntArray]:
    """Draw panels by picking as many stocks as there are, with replacement.

    A stock's days move together, so that their dependence stays inside each draw. Days that all stocks share do not:
    under common daily shocks the resulting interval is too narrow.

    Args:
        stocks: (n_rows,) stock of each row, numbered from 0.
        n_draws: Panels to draw.
        rng: Source of all chance; the same state gives the same panels.

    Yields:
        (n_drawn_rows,) row positions; a stock drawn twice appears twice.
    Source: Cameron, Gelbach and Miller (2008), Rev. Econ. Stat. 90(3), section III.
    """
    rows_of = [np.flatnonzero(stocks == stock) for stock in range(stocks.max() + 1)]
    for _ in range(n_draws):
        yield np.concatenate([rows_of[stock] for stock in rng.choice(len(rows_of), size=len(rows_of))])


def score_draws(rows: Rows, config: PremiumConfig) -> tuple[FloatArray, dict[str, int]]:
    """Score both models on the same draws.

    Args:
        rows: The panel.
        config: Draws, folds, penalty.

    Returns:
        (n_kept, 5) draw, base on, base off, trained on, trained off; and the dropped draws, counted by reason.

    Raises:
        TooFewDraws: If fewer than MIN_KEPT_DRAWS could be scored.
    """
    kept: list[tuple[float, ...]] = []
    dropped: Counter[str] = Counter()
    progress = Progress(config.n_draws)
    draws = resample_stocks(rows.stocks, config.n_draws, np.random.default_rng(config.seed))
    for draw, positions in enumerate(draws):
        try:
            base, trained = score_models(rows.take(positions), config)
            kept.append((draw, base.on, base.off, trained.on, trained.off))
        except Unscorable as refusal:
            dropped[refusal.reason] += 1
        progress.report(draw + 1)
    _refuse_too_few(len(kept), config.n_draws, dropped)
    return np.array(kept), dict(sorted(dropped.items()))


def interval(values: FloatArray) -> Interval:
    """Percentiles 2.5, 50 and 97.5 of draws, linear between neighbours."""
    low, middle, high = np.percentile(values, [2.5, 50, 97.5]).tolist()
    return Interval(p2_5=low, p50=middle, p97_5=high)


def _refuse_too_few(n_kept: int, n_draws: int, dropped: Counter[str]) -> None:
    if n_kept < MIN_KEPT_DRAWS:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))
        raise TooFewDraws(
            f"{n_kept} of {n_draws} draws could be scored ({reasons}), an interval needs {MIN_KEPT_DRAWS}; "
            "raise panel.n_stocks, panel.dates_per_stock or premium.n_draws."
        )
