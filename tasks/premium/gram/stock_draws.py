"""The stock bootstrap from Gram matrices: each fold's matrix of each draw is a weighted sum of the stocks' own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tasks.premium.gram.devices import Array, Device, in_threads
from tasks.premium.gram.runs import Run, grams, runs_of
from tasks.premium.gram.solve import Solver, penalties_of
from tasks.premium.gram.targets import Targets
from tasks.premium.gram.tiles import Tiles
from tasks.sampling.arrays import BoolArray, FloatArray, IntArray

DRAWS_PER_PRODUCT = 16
"""Draws whose errors are one product: enough to read the design once for all of them."""
COLUMNS_PER_PRODUCT = 784
"""Elements of a tile that are summed in one product: a quarter of a tile 56 wide, so that threads can share it."""
SYSTEMS_PER_CALL = 8
"""Fits that are solved side by side."""


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
        """(n_draws, n_folds, n_stocks) how often each stock counts in each fold."""
        folds = np.arange(self.n_folds)[None, :, None]
        return np.where(self.fold[:, None, :] == folds, self.times[:, None, :], 0).astype(np.float64)

    def of_stocks(self, order: IntArray) -> "DrawnFolds":
        """The same draws of stocks in another order."""
        return replace(self, times=self.times[:, order], fold=self.fold[:, order])


class StockGrams:
    """One model's columns, sorted by stock with the train rows first, ready for draws.

    Stocks with equally many rows stand side by side, so that their Gram matrices are one call.

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
        n_rows, n_train = np.bincount(stocks), np.bincount(stocks, weights=is_train).astype(int)
        self.order = np.lexsort((n_train, n_rows))
        order = np.lexsort((~is_train, np.argsort(self.order)[stocks]))
        n_rows, n_train = n_rows[self.order], n_train[self.order]
        self.all_rows, self.train_rows = runs_of(n_rows, n_rows), runs_of(n_rows, n_train)
        self.stocks, self.is_train = np.repeat(np.arange(len(n_rows)), n_rows), is_train[order]
        self.tiles = Tiles.of(columns.shape[1], widest=device.tile_width)
        self.device = device
        self.design = device.put(self.tiles.design(columns[order], target[order, None]))
        self.after = np.flatnonzero(~self.is_train)
        every_row = np.arange(len(order))
        self.targets, self.targets_after = (
            Targets.of(self.stocks, target[order] - target.mean(), own, len(n_rows)) for own in (every_row, self.after)
        )
        self.penalty = penalties_of(self.tiles, alpha, np.ones((1, columns.shape[1])))
        self.solver = Solver(device, self.tiles, n_systems=SYSTEMS_PER_CALL)
        self.stock_grams = device.empty(len(n_rows), self.tiles.width, self.tiles.width)
        self.buffer = device.empty(len(self.tiles.pairs), 0, self.tiles.width**2)

    @property
    def n_fixed_bytes(self) -> int:
        """Memory that does not grow with the draws: one tile of every stock, and the matrices being factored."""
        return 8 * (len(self.order) * self.tiles.width**2 + self.solver.n_workers * self.tiles.order**2)

    def score_on(self, draws: DrawnFolds) -> tuple[FloatArray, IntArray]:
        """Score each stock-disjoint fold; takes `tiles.n_bytes` per draw and fold.

        Returns:
            (n_draws, n_folds) R2; and (n_draws,) how many fits were corrected on rows or solved from them.
        """
        draws = draws.of_stocks(self.order)
        weights = draws.weights()
        grams = self._sums(weights.reshape(-1, len(self.order)), self.all_rows)
        by_draw = grams.reshape(len(grams), -1, draws.n_folds, grams.shape[-1])
        fits = np.empty((len(draws.times), draws.n_folds, self.tiles.order))
        n_refits = np.zeros(len(fits), dtype=np.int64)
        for draw, times in enumerate(draws.times):
            folds = by_draw[:, draw]
            whole = folds.sum(1)[:, None]
            # A fold's train side is what is left of the whole, so it is as inexact as the whole.
            summed = np.repeat(self.solver.edges(whole)[1] + self.penalty, draws.n_folds, axis=0)
            train = (times - weights[draw])[:, self.stocks]
            fits[draw], is_refit = self._fit(whole, train, folds, summed)
            n_refits[draw] = is_refit.sum()
        scores = np.empty((len(fits), draws.n_folds))
        blocks = _blocks(len(fits), DRAWS_PER_PRODUCT)

        def score(worker: int) -> None:
            for own in blocks[worker :: self.solver.n_workers]:
                scores[own] = self._score(fits[own], draws, own)

        in_threads(self.solver.n_workers, score)
        return scores, n_refits

    def score_off(self, draws: DrawnFolds) -> tuple[FloatArray, IntArray]:
        """Score the chronological split; takes `tiles.n_bytes` per draw.

        Returns:
            (n_draws, 1) R2; and (n_draws,) how many fits were corrected on rows or solved from them.
        """
        draws = draws.of_stocks(self.order)
        grams = self._sums(draws.times.astype(np.float64), self.train_rows)
        fits = np.empty((len(draws.times), self.tiles.order))
        n_refits = np.zeros(len(fits), dtype=np.int64)
        for own in _blocks(len(fits), SYSTEMS_PER_CALL):
            train = (draws.times[own][:, self.stocks] * self.is_train).astype(np.float64)
            fits[own], n_refits[own] = self._fit(grams[:, own], train)
        # The rows after the cut are few, and the same for all draws: one product gives every draw's errors.
        errors = self.device.get(self.device.put(fits) @ self.design[self.after].T)
        sse = self._by_stock(errors, self.stocks[self.after])
        weights = draws.times[:, None].astype(np.float64)
        return self.targets_after.r2(sse, weights, draws.is_flat[:, -1:]), n_refits

    def _sums(self, weights: FloatArray, runs: Sequence[Run]) -> Array:
        """(n_tiles, n_sides, width * width) Gram matrices of weighted stocks; the next call overwrites them.

        `weights` is (n_sides, n_stocks); `runs` has each stock's rows to use.
        """
        if self.buffer.shape[1] < len(weights):
            # Reused from chunk to chunk: mapping new gigabytes costs more than some of the arithmetic on them.
            self.buffer = self.device.empty(len(self.tiles.pairs), len(weights), self.tiles.width**2)
        on_device, found = self.device.put(weights), self.buffer[:, : len(weights)]
        for tile, (row, column) in enumerate(self.tiles.pairs):
            strips = self.design[:, self.tiles.strip(row)], self.design[:, self.tiles.strip(column)]
            in_threads(self.solver.n_workers, partial(self._stock_grams, *strips, runs))
            in_threads(self.solver.n_workers, partial(self._add_up, on_device, found[tile]))
        return found

    def _stock_grams(self, left: Array, right: Array, runs: Sequence[Run], worker: int) -> None:
        grams(self.device, left, right, runs[worker :: self.solver.n_workers], self.stock_grams)

    def _add_up(self, weights: Array, found: Array, worker: int) -> None:
        by_stock = self.stock_grams.reshape(len(self.order), -1)
        # Cut alike for any number of workers: the shape of a product decides the last bits of its sums.
        for own in _blocks(by_stock.shape[1], COLUMNS_PER_PRODUCT)[worker :: self.solver.n_workers]:
            self.device.product(weights, by_stock[:, own], found[:, own])

    def _fit(
        self, train: Array, weights: FloatArray, without: Array | None = None, summed: FloatArray | None = None
    ) -> tuple[FloatArray, BoolArray]:
        """(n_systems, order) residual functionals, and whether each needed more than its Gram; as in `solve`."""
        penalties = np.repeat(self.penalty, len(weights), axis=0)
        fits, is_refit = self.solver.solve(train, penalties, self.design, weights, without, summed)
        return fits[:, 0], is_refit

    def _score(self, fits: FloatArray, draws: DrawnFolds, block: slice) -> FloatArray:
        """(n_draws, n_folds) R2 of a block of draws, from their (n_draws, n_folds, order) functionals."""
        by_fold = self.device.get(self.device.put(fits.reshape(-1, fits.shape[2])) @ self.design.T)
        own = replace(draws, times=draws.times[block], fold=draws.fold[block], is_flat=draws.is_flat[block])
        fold = own.fold[:, self.stocks]
        errors = np.take_along_axis(by_fold.reshape(*fits.shape[:2], -1), fold[:, None], axis=1)[:, 0]
        return self.targets.r2(self._by_stock(errors, self.stocks), own.weights(), own.is_flat[:, :-1])

    def _by_stock(self, errors: FloatArray, stocks: IntArray) -> FloatArray:
        """(n_draws, n_stocks) sums of squares of (n_draws, n_rows) errors."""
        return np.stack([np.bincount(stocks, own**2, minlength=len(self.order)) for own in errors])


def _blocks(n: int, most: int) -> list[slice]:
    return [slice(start, min(start + most, n)) for start in range(0, n, most)]
