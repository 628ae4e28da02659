"""The seed's bootstrap without its rows: every fold's Gram matrix of every draw from the stocks' own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.premium.gram.devices import Array, Device, grams
from tasks.premium.gram.solve import Solver, TestSums
from tasks.premium.gram.tiles import FloatArray, IntArray, Tiles


@dataclass(frozen=True)
class DrawnFolds:
    """Draws of whole stocks, each dealt into folds.

    Args:
        times: (n_draws, n_stocks) how often each stock was drawn.
        fold: (n_draws, n_stocks) fold it went to; anything where it was not drawn.
        n_folds: Folds of every draw.
    """

    times: IntArray
    fold: IntArray
    n_folds: int

    def weights(self) -> FloatArray:
        """(n_draws * n_folds, n_stocks) how often each stock counts in each fold."""
        places = np.arange(self.n_folds)[None, :, None]
        weights = np.where(self.fold[:, None, :] == places, self.times[:, None, :], 0)
        return weights.reshape(-1, self.times.shape[1]).astype(np.float64)


class StockGrams:
    """One model's columns, sorted by stock with the train rows first, ready for draws.

    Args:
        columns: (n_rows, n_columns), unscaled.
        target: (n_rows,) returns.
        stocks: (n_rows,) stocks numbered from 0.
        is_train: (n_rows,) whether a row lies on the chronological train side.
        device: Where.
        alpha: Ridge penalty.
    """

    def __init__(
        self,
        columns: FloatArray,
        target: FloatArray,
        stocks: IntArray,
        is_train: NDArray[np.bool_],
        device: Device,
        alpha: float,
    ) -> None:
        order = np.lexsort((~is_train, stocks))
        self.tiles = Tiles.of(columns.shape[1], device.tile_width)
        self.device = device
        self.design = device.put(self.tiles.design(columns[order], target[order]))
        ends = np.cumsum(np.bincount(stocks))
        starts = ends - np.bincount(stocks)
        train_ends = starts + np.bincount(stocks, weights=is_train).astype(int)
        self.all_rows = list(zip(starts.tolist(), ends.tolist(), strict=True))
        self.train_rows = list(zip(starts.tolist(), train_ends.tolist(), strict=True))
        self.solver = Solver(device, self.tiles, alpha)

    def bytes_per_draw(self, n_folds: int) -> int:
        """Memory that a draw's Gram matrices take: one a fold, and one of the chronological train side."""
        return (n_folds + 1) * self.tiles.n_bytes

    @property
    def bytes_for_tiles(self) -> int:
        """Memory beside the draws and the design: one tile of every stock, and the matrix being factored."""
        return 8 * (len(self.all_rows) * self.tiles.width**2 + self.tiles.order**2)

    def score(self, draws: DrawnFolds) -> FloatArray:
        """R2 of each draw.

        Args:
            draws: As many as fit in memory at once.

        Returns:
            (n_draws, n_folds + 1) R2 of each stock-disjoint fold, then of the chronological split.
        """
        folds, train = self._fold_grams(draws)
        n_draws = len(draws.times)
        side = (len(self.tiles.pairs), -1, self.tiles.width**2)
        by_draw = folds.reshape(side[0], n_draws, draws.n_folds, side[2])
        return np.stack([self._score_draw(by_draw[:, draw], train[:, draw]) for draw in range(n_draws)])

    def _fold_grams(self, draws: DrawnFolds) -> tuple[Array, Array]:
        """Gram of every draw's folds, and of its chronological train side: (n_tiles, n_sides, width * width)."""
        device, tiles, n_stocks = self.device, self.tiles, len(self.all_rows)
        to_folds, to_train = device.put(draws.weights()), device.put(draws.times.astype(np.float64))
        folds = device.empty(len(tiles.pairs), len(to_folds), tiles.width**2)
        train = device.empty(len(tiles.pairs), len(to_train), tiles.width**2)
        own = device.empty(n_stocks, tiles.width, tiles.width)
        flat = own.reshape(n_stocks, -1)
        for tile, (row, column) in enumerate(tiles.pairs):
            left, right = self.design[:, tiles.strip(row)], self.design[:, tiles.strip(column)]
            grams(device, left, right, self.all_rows, own)
            device.product(to_folds, flat, folds[tile])
            grams(device, left, right, self.train_rows, own)
            device.product(to_train, flat, train[tile])
        return folds, train

    def _score_draw(self, folds: Array, train: Array) -> FloatArray:
        """R2 of one draw, from (n_tiles, n_folds, width * width) and (n_tiles, width * width)."""
        whole = folds.sum(1)
        after = whole - train
        shape = (-1, self.tiles.width, self.tiles.width)
        errors = []
        for fold in range(folds.shape[1]):
            test = folds[:, fold]
            weights = self.solver.weights((whole - test).reshape(shape))
            errors.append(self.solver.squared_error(weights, test.reshape(shape)))
        weights = self.solver.weights(train.reshape(shape))
        errors.append(self.solver.squared_error(weights, after.reshape(shape)))
        rows, target, squared = (
            np.append(self.device.get(of_folds), self.device.get(of_after))
            for of_folds, of_after in zip(self.solver.sums(folds), self.solver.sums(after[:, None]), strict=True)
        )
        return TestSums(np.array([float(error) for error in errors]), rows, target, squared).r2()
