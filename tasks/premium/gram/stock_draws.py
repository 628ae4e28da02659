"""The stock bootstrap from Gram matrices: each fold's matrix of each draw is a weighted sum of the stocks' own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.premium.gram.devices import Array, Device, grams
from tasks.premium.gram.solve import Solver, TestSums
from tasks.premium.gram.tiles import Tiles
from tasks.premium.rows import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class DrawnFolds:
    """Draws of whole stocks, each split into folds.

    Args:
        times: (n_draws, n_stocks) how often each stock was drawn.
        fold: (n_draws, n_stocks) fold of each stock; ignored where it was not drawn.
        n_folds: Folds of every draw.
    """

    times: IntArray
    fold: IntArray
    n_folds: int

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
        self.tiles = Tiles.of(columns.shape[1], device.tile_width)
        self.device = device
        design = self.tiles.design(columns[order], target[order])
        after = np.flatnonzero(~is_train[order])
        self.stock_after, self.target_after = stocks[order][after], design[after, self.tiles.target]
        self.design, self.design_after = device.put(design), device.put(design[after])
        ends = np.cumsum(np.bincount(stocks))
        starts = ends - np.bincount(stocks)
        train_ends = starts + np.bincount(stocks, weights=is_train).astype(int)
        self.all_rows = list(zip(starts.tolist(), ends.tolist(), strict=True))
        self.train_rows = list(zip(starts.tolist(), train_ends.tolist(), strict=True))
        self.solver = Solver(device, self.tiles, alpha)
        self.stock_grams = device.empty(len(starts), self.tiles.width, self.tiles.width)
        self.buffer = device.empty(len(self.tiles.pairs), 0, self.tiles.width**2)

    @property
    def n_fixed_bytes(self) -> int:
        """Memory that does not grow with the draws: one tile of every stock, and the matrix being factored."""
        return 8 * (len(self.all_rows) * self.tiles.width**2 + self.tiles.order**2)

    def score_on(self, draws: DrawnFolds) -> FloatArray:
        """(n_draws, n_folds) R2 of each stock-disjoint fold; takes `tiles.n_bytes` per draw and fold."""
        grams = self._sums(draws.weights(), self.all_rows)
        by_draw = grams.reshape(len(grams), -1, draws.n_folds, grams.shape[-1])
        return np.stack([self._score_folds(by_draw[:, draw]) for draw in range(by_draw.shape[1])])

    def score_off(self, draws: DrawnFolds) -> FloatArray:
        """(n_draws,) R2 of the chronological split; takes `tiles.n_bytes` per draw."""
        grams = self._sums(draws.times.astype(np.float64), self.train_rows)
        shape = (-1, self.tiles.width, self.tiles.width)
        fits = [self.device.get(self.solver.weights(grams[:, draw].reshape(shape))) for draw in range(grams.shape[1])]
        # The rows after the cut are few, and the same for all draws: one product gives every draw's errors.
        errors = self.device.get(self.design_after @ self.device.put(np.column_stack(fits))).T
        times = draws.times[:, self.stock_after].astype(np.float64)
        target = self.target_after
        sums = (times * errors**2).sum(axis=1), times.sum(axis=1), times @ target, times @ target**2
        return TestSums(*sums).r2()

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

    def _score_folds(self, folds: Array) -> FloatArray:
        """(n_folds,) R2 of one draw, from (n_tiles, n_folds, width * width)."""
        shape = (-1, self.tiles.width, self.tiles.width)
        whole = folds.sum(1).reshape(shape)
        errors = []
        for fold in range(folds.shape[1]):
            test = folds[:, fold].reshape(shape)
            fit = self.solver.weights(whole, without=test)
            errors.append(float(self.solver.squared_error(fit, test)))
        rows, target, squared = (self.device.get(sums) for sums in self.solver.sums(folds))
        return TestSums(np.array(errors), rows, target, squared).r2()
