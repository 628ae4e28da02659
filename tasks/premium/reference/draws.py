"""Draws of whole stocks, their folds, and which of them the contract can score."""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tasks.premium.errors import EmptySplit, TooFewStocks, UndefinedR2
from tasks.premium.gram.stock_draws import DrawnFolds
from tasks.premium.reference.splits import MIN_ROWS
from tasks.premium.rows import BoolArray, IntArray


def resample_stocks(n_stocks: int, n_draws: int, rng: Generator) -> Iterator[IntArray]:
    """Draw panels by picking as many stocks as there are, with replacement.

    A stock's days move together, so that their dependence stays inside each draw. Days that all stocks share do not:
    under common daily shocks the resulting interval is too narrow.

    Args:
        n_stocks: Stocks of the panel.
        n_draws: Panels to draw.
        rng: Source of all chance; the same state gives the same panels.

    Yields:
        (n_stocks,) how often each stock was drawn; a stock drawn twice brings its rows twice.
    Source: Cameron, Gelbach and Miller (2008), Rev. Econ. Stat. 90(3), section III.
    """
    for _ in range(n_draws):
        yield np.bincount(rng.choice(n_stocks, size=n_stocks), minlength=n_stocks)


def deal(n_rows: IntArray, n_folds: int) -> IntArray:
    """Deal drawn stocks into folds as GroupKFold does: largest first, each into the fold with the fewest rows.

    Args:
        n_rows: (n_stocks,) rows each stock brings, 0 if it was not drawn. Of equals the last one goes first.
        n_folds: Folds.

    Returns:
        (n_stocks,) fold of each stock; 0 where it was not drawn.
    """
    folds = np.zeros(len(n_rows), dtype=np.int64)
    filled = [0] * n_folds
    drawn = np.flatnonzero(n_rows)
    for stock in drawn[np.argsort(n_rows[drawn], kind="stable")[::-1]].tolist():
        lightest = filled.index(min(filled))
        folds[stock] = lightest
        filled[lightest] += int(n_rows[stock])
    return folds


class StockDraws:
    """All draws of a run, and what the contract says of each before anything is fitted.

    Args:
        stocks: (n_rows,) stocks numbered from 0.
        is_train: (n_rows,) whether a row lies on the chronological train side.
        target: (n_rows,) returns.
        n_draws: Draws.
        n_folds: Folds of each draw.
        seed: Seed of the draws.
    """

    def __init__(
        self, stocks: IntArray, is_train: BoolArray, target: NDArray[np.float64], n_draws: int, n_folds: int, seed: int
    ) -> None:
        self.n_rows = np.bincount(stocks)
        self.n_train = np.bincount(stocks, weights=is_train).astype(np.int64)
        self.range = _range_by_stock(stocks, target, np.ones_like(is_train))
        self.range_after = _range_by_stock(stocks, target, ~is_train)
        self.n_folds = n_folds
        times = np.stack(list(resample_stocks(len(self.n_rows), n_draws, np.random.default_rng(seed))))
        folds = np.stack([deal(own * self.n_rows, n_folds) for own in times])
        self.refusals = [self._refusal(own, fold) for own, fold in zip(times, folds, strict=True)]
        """Why the contract drops each draw, or an empty text."""
        self.kept = np.flatnonzero([not reason for reason in self.refusals])
        """(n_kept,) draws that can be scored."""
        self.times, self.folds = times, folds

    def take(self, start: int, stop: int) -> DrawnFolds:
        """A run of kept draws."""
        draws = self.kept[start:stop]
        return DrawnFolds(self.times[draws], self.folds[draws], self.n_folds)

    def _refusal(self, times: IntArray, folds: IntArray) -> str:
        """The contract's refusals, in the order in which it meets them."""
        if np.count_nonzero(times) < self.n_folds:
            return TooFewStocks.reason
        n_train = int(times @ self.n_train)
        if min(n_train, int(times @ self.n_rows) - n_train) < MIN_ROWS:
            return EmptySplit.reason
        tests = [self.range_after[:, times > 0]]
        tests += [self.range[:, (times > 0) & (folds == fold)] for fold in range(self.n_folds)]
        if any(low.min(initial=np.inf) >= high.max(initial=-np.inf) for low, high in tests):
            return UndefinedR2.reason
        return ""


def _range_by_stock(stocks: IntArray, target: NDArray[np.float64], chosen: BoolArray) -> NDArray[np.float64]:
    """(2, n_stocks) lowest and highest target of the chosen rows; inf and -inf where there is none."""
    low, high = (np.full(stocks.max() + 1, bound) for bound in (np.inf, -np.inf))
    np.minimum.at(low, stocks[chosen], target[chosen])
    np.maximum.at(high, stocks[chosen], target[chosen])
    return np.stack([low, high])
