"""The stock bootstrap from Gram matrices: each fold's matrix of each draw is a weighted sum of the stocks' own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.premium.gram.devices import Array, Device, grams
from tasks.premium.gram.solve import Solver, penalties_of
from tasks.premium.gram.tiles import Tiles
from tasks.sampling.arrays import BoolArray, FloatArray, IntArray

DRAWS_PER_PRODUCT = 16
"""Draws whose errors are one product: enough to read the design once for all of them."""
EXACT = 1e-12
"""Errors below this, relative to the largest target, are rounding."""


@dataclass(frozen=True)
class DrawnFolds:
    """Draws of whole stocks, each split into folds.

    Args:
        times: (n_draws, n_stocks) how often each stock was drawn.
        fold: (n_draws, n_stocks) fold of each stock; ignored where it was not drawn.
        is_flat: (n_draws, n_folds + 1) whether the target does not vary on a fold's test side; last, after the cut.
    """

    times: IntArray
    fold: IntArray
    is_flat: BoolArray

    @property
    def n_folds(self) -> int:
        """Folds of every draw."""
        return int(self.is_flat.shape[1]) - 1

    def weights(self) -> FloatArray:
        """(n_draws * n_folds, n_stocks) how often each stock counts in each fold."""
        folds = np.arange(self.n_folds)[None, :, None]
        weights = np.where(self.fold[:, None, :] == folds, self.times[:, None, :], 0)
        return weights.reshape(-1, self.times.shape[1]).astype(np.float64)


class StockGrams:
    """One model's columns, sorted by stock with the train rows first, ready for draws.

    Args:
        columns: (n_rows, n_columns), unscaled.
        target: (n_rows,) returns.
        stocks: (n_rows,) stocks numbered from 0.
        is_train: (n_rows,) whether a row is on the train side of the chronological cut.
        device: Where the arithmetic runs.
        alpha: Ridge penalty.
    """

    def __init__(
        self,
        columns: FloatArray,
        target: FloatArray,
        stocks: IntArray,
        is_train: BoolArray,
        device: Device,
        alpha: float,
    ) -> None:
        order = np.lexsort((~is_train, stocks))
        self.stocks, self.is_train = stocks[order], is_train[order]
        self.tiles = Tiles.of(columns.shape[1], widest=device.tile_width)
        self.device = device
        self.design = device.put(self.tiles.design(columns[order], target[order, None]))
        self.target = target[order] - target.mean()
        ends = np.cumsum(np.bincount(stocks))
        starts = ends - np.bincount(stocks)
        train_ends = starts + np.bincount(stocks, weights=is_train).astype(int)
        self.all_rows = list(zip(starts.tolist(), ends.tolist(), strict=True))
        self.train_rows = list(zip(starts.tolist(), train_ends.tolist(), strict=True))
        self.penalty = penalties_of(self.tiles, alpha, np.ones((1, columns.shape[1])))
        self.solver = Solver(device, self.tiles, n_systems=1)
        self.stock_grams = device.empty(len(starts), self.tiles.width, self.tiles.width)
        self.buffer = device.empty(len(self.tiles.pairs), 0, self.tiles.width**2)

    @property
    def n_fixed_bytes(self) -> int:
        """Memory that does not grow with the draws: one tile of every stock, and the matrix being factored."""
        return 8 * (len(self.all_rows) * self.tiles.width**2 + self.tiles.order**2)

    def score_on(self, draws: DrawnFolds) -> tuple[FloatArray, IntArray]:
        """Score each stock-disjoint fold; takes `tiles.n_bytes` per draw and fold.

        Returns:
            (n_draws, n_folds) R2; and (n_draws,) how many fits were corrected on rows or solved from them.
        """
        grams = self._sums(draws.weights(), self.all_rows)
        by_draw = grams.reshape(len(grams), -1, draws.n_folds, grams.shape[-1])
        fits = np.empty((len(draws.times), draws.n_folds, self.tiles.order))
        n_refits = np.zeros(len(fits), dtype=np.int64)
        for draw, (times, fold_of) in enumerate(zip(draws.times, draws.fold, strict=True)):
            folds = by_draw[:, draw]
            whole = folds.sum(1)[:, None]
            # A fold's train side is what is left of the whole, so it is as inexact as the whole.
            summed = self.solver.edges(whole)[1] + self.penalty
            for fold in range(draws.n_folds):
                weights = (times * (fold_of != fold))[self.stocks]
                fits[draw, fold], is_refit = self._fit(whole, weights, folds[:, fold : fold + 1], summed)
                n_refits[draw] += is_refit
        return np.concatenate([self._score(fits[own], draws, own) for own in _blocks(len(fits))]), n_refits

    def score_off(self, draws: DrawnFolds) -> tuple[FloatArray, IntArray]:
        """Score the chronological split; takes `tiles.n_bytes` per draw.

        Returns:
            (n_draws, 1) R2; and (n_draws,) how many fits were corrected on rows or solved from them.
        """
        grams = self._sums(draws.times.astype(np.float64), self.train_rows)
        fits = np.empty((len(draws.times), self.tiles.order))
        n_refits = np.zeros(len(fits), dtype=np.int64)
        for draw, times in enumerate(draws.times):
            fits[draw], n_refits[draw] = self._fit(grams[:, draw : draw + 1], times[self.stocks] * self.is_train)
        after = np.flatnonzero(~self.is_train)
        # The rows after the cut are few, and the same for all draws: one product gives every draw's errors.
        errors = self.device.get(self.device.put(fits) @ self.design[after].T)
        weights, target = draws.times[:, self.stocks[after]], self.target[after]
        own = zip(errors, weights, draws.is_flat[:, -1:], strict=True)
        r2 = [_r2(error, weight, target, np.zeros_like(after), flat) for error, weight, flat in own]
        return np.stack(r2), n_refits

    def _sums(self, weights: FloatArray, bounds: Sequence[tuple[int, int]]) -> Array:
        """(n_tiles, n_sides, width * width) Gram matrices of weighted stocks; the next call overwrites them.

        `weights` is (n_sides, n_stocks); `bounds` has the first row and one past the last of each stock's rows to use.
        """
        if self.buffer.shape[1] < len(weights):
            # Reused from chunk to chunk: mapping new gigabytes costs more than some of the arithmetic on them.
            self.buffer = self.device.empty(len(self.tiles.pairs), len(weights), self.tiles.width**2)
        on_device, found = self.device.put(weights), self.buffer[:, : len(weights)]
        for tile, (row, column) in enumerate(self.tiles.pairs):
            left, right = self.design[:, self.tiles.strip(row)], self.design[:, self.tiles.strip(column)]
            grams(self.device, left, right, bounds, self.stock_grams)
            self.device.product(on_device, self.stock_grams.reshape(len(self.stock_grams), -1), found[tile])
        return found

    def _fit(
        self, gram: Array, weights: IntArray, without: Array | None = None, summed: FloatArray | None = None
    ) -> tuple[FloatArray, bool]:
        """(order,) residual functional of one system, and whether its Gram alone was not exact enough."""
        fit, is_refit = self.solver.solve(
            gram, self.penalty, self.design, weights[None].astype(np.float64), without, summed
        )
        return fit[0, 0], bool(is_refit[0])

    def _score(self, fits: FloatArray, draws: DrawnFolds, block: slice) -> FloatArray:
        """(n_draws, n_folds) R2 of a block of draws, from their (n_draws, n_folds, order) functionals."""
        by_fold = self.device.get(self.device.put(fits.reshape(-1, fits.shape[2])) @ self.design.T)
        fold = draws.fold[block][:, self.stocks]
        errors = np.take_along_axis(by_fold.reshape(*fits.shape[:2], -1), fold[:, None], axis=1)[:, 0]
        weights = draws.times[block][:, self.stocks]
        own = zip(errors, weights, fold, draws.is_flat[block, :-1], strict=True)
        return np.stack([_r2(error, weight, self.target, folds, flat) for error, weight, folds, flat in own])


def _blocks(n_draws: int) -> list[slice]:
    return [slice(start, start + DRAWS_PER_PRODUCT) for start in range(0, n_draws, DRAWS_PER_PRODUCT)]


def _r2(errors: FloatArray, weights: IntArray, target: FloatArray, fold: IntArray, is_flat: BoolArray) -> FloatArray:
    """(n_folds,) R2 of weighted rows by fold; where the target does not vary, 1 if it is predicted exactly, else 0."""
    n_rows, total, sse = (
        np.bincount(fold, weights=weights * own, minlength=len(is_flat)).astype(np.float64)
        for own in (1, target, errors**2)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        sst = np.bincount(fold, weights=weights * (target - (total / n_rows)[fold]) ** 2, minlength=len(is_flat))
        return np.where(is_flat, flat_r2(sse, target), 1 - sse / sst)


def flat_r2(sse: FloatArray, target: FloatArray) -> FloatArray:
    """R2 of a target that does not vary, by scikit-learn's convention: 1 if it is predicted to rounding, else 0."""
    return np.where(sse <= (EXACT * np.abs(target).max()) ** 2, 1.0, 0.0)
