"""Bootstrap draws of whole stocks, their folds, and which draws can be scored."""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from tasks.premium.errors import UndefinedR2
from tasks.premium.gram.stock_draws import DrawnFolds
from tasks.premium.reference.splits import MIN_ROWS
from tasks.sampling.arrays import BoolArray, FloatArray, IntArray
from tasks.sampling.errors import EmptySplit, TooFewStocks


def resample_stocks(n_stocks: int, n_draws: int, rng: Generator) -> Iterator[IntArray]:
    """Draw bootstrap panels: as many stocks as there are, with replacement.

    A stock's days stay together, so each draw keeps their dependence. Days that all stocks share are not resampled:
    under common daily shocks the resulting interval is too narrow.

    Args:
        n_stocks: Stocks of the panel.
        n_draws: Number of panels.
        rng: Random generator; the same state gives the same panels.

    Yields:
        (n_stocks,) how often each stock was drawn; a stock drawn twice counts its rows twice.

    Examples:
        >>> import numpy as np
        >>> from hindsight import resample_stocks
        >>> rng = np.random.default_rng(0)
        >>> [times.tolist() for times in resample_stocks(4, n_draws=2, rng=rng)]
        [[0, 1, 2, 1], [3, 1, 0, 0]]

    Source: Cameron, Gelbach and Miller (2008), Rev. Econ. Stat. 90(3), section III.
    """
    for _ in range(n_draws):
        yield np.bincount(rng.choice(n_stocks, size=n_stocks), minlength=n_stocks)


def assign_folds(n_rows: IntArray, n_folds: int) -> IntArray:
    """Assign drawn stocks to folds as GroupKFold does: largest first, each to the fold with the fewest rows.

    Args:
        n_rows: (n_draws, n_stocks) rows of each stock, 0 if it was not drawn. Of equal ones the last goes first.
        n_folds: Folds.

    Returns:
        (n_draws, n_stocks) fold of each stock; 0 where it was not drawn.
    """
    folds, filled = np.zeros_like(n_rows), np.zeros((len(n_rows), n_folds), dtype=np.int64)
    draws = np.arange(len(n_rows))
    for stocks in np.argsort(n_rows, axis=1, kind="stable").T[::-1]:
        smallest = filled.argmin(axis=1)
        folds[draws, stocks] = smallest
        filled[draws, smallest] += n_rows[draws, stocks]
    folds[n_rows == 0] = 0
    return folds


class StockDraws:
    """All draws of a run. Draws that the reference cannot score are found before anything is fitted.

    Args:
        stocks: (n_rows,) stocks numbered from 0.
        is_train: (n_rows,) whether a row is on the train side of the chronological cut.
        target: (n_rows,) returns.
        n_draws, n_folds, seed: As in the config.
    """

    def __init__(
        self, stocks: IntArray, is_train: BoolArray, target: FloatArray, n_draws: int, n_folds: int, seed: int
    ) -> None:
        self.n_rows = np.bincount(stocks)
        self.n_train = np.bincount(stocks, weights=is_train).astype(np.int64)
        self.range = _range_by_stock(stocks, target, np.ones_like(is_train))
        self.range_after = _range_by_stock(stocks, target, ~is_train)
        self.n_folds = n_folds
        self.times = np.stack(list(resample_stocks(len(self.n_rows), n_draws, np.random.default_rng(seed))))
        self.folds = assign_folds(self.times * self.n_rows, n_folds)
        sides = np.stack([self._test_sides(*draw) for draw in zip(self.times, self.folds, strict=True)])
        self.is_flat = sides[:, 1] > 0
        """(n_draws, n_folds + 1) whether the target does not vary on a fold; last, after the cut."""
        self.drop_reasons = [self._drop_reason(*draw) for draw in zip(self.times, sides, strict=True)]
        """Why each draw is dropped; empty for kept draws."""
        self.kept = np.flatnonzero([not reason for reason in self.drop_reasons])
        """(n_kept,) draws that can be scored."""

    def take(self, start: int, stop: int) -> DrawnFolds:
        """Kept draws from `start` up to `stop`."""
        draws = self.kept[start:stop]
        return DrawnFolds(self.times[draws], self.folds[draws], self.is_flat[draws])

    def _drop_reason(self, times: IntArray, sides: FloatArray) -> str:
        """The first reason in the order in which the reference checks them."""
        if np.count_nonzero(times) < self.n_folds:
            return TooFewStocks.reason
        if min(int(times @ self.n_train), int(sides[0, -1])) < MIN_ROWS:
            return EmptySplit.reason
        # scikit-learn's r2_score of one row is NaN; of several rows with one and the same target it is not.
        return UndefinedR2.reason if (sides[0] < 2).any() else ""

    def _test_sides(self, times: IntArray, folds: IntArray) -> FloatArray:
        """(2, n_folds + 1) rows of each fold and of the rows after the cut, and whether their target does not vary."""
        chosen = [(times > 0) & (folds == fold) for fold in range(self.n_folds)]
        sides = [(times[own] @ self.n_rows[own], self.range[:, own]) for own in chosen]
        sides.append((times @ (self.n_rows - self.n_train), self.range_after[:, times > 0]))
        return np.array(
            [(n_rows, low.min(initial=np.inf) >= high.max(initial=-np.inf)) for n_rows, (low, high) in sides]
        ).T


def _range_by_stock(stocks: IntArray, target: FloatArray, chosen: BoolArray) -> FloatArray:
    """(2, n_stocks) lowest and highest target of the chosen rows; inf and -inf where there is none."""
    low, high = (np.full(stocks.max() + 1, bound) for bound in (np.inf, -np.inf))
    np.minimum.at(low, stocks[chosen], target[chosen])
    np.maximum.at(high, stocks[chosen], target[chosen])
    return np.stack([low, high])
