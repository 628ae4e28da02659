"""Fixed splits under many weightings of the rows: a Gram matrix per cell, and sums of cells per split."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tasks.premium.gram.devices import Array, Device, grams
from tasks.premium.gram.solve import Solver, TestSums
from tasks.premium.gram.tiles import Tiles
from tasks.premium.rows import FloatArray, IntArray, Split


class CellGrams:
    """One model's columns, sorted by cell, ready for weightings. A cell is the rows that all splits treat alike.

    Args:
        columns: (n_rows, n_columns), unscaled.
        target: (n_rows,) returns.
        splits: Splits of the rows.
        device: Where the arithmetic runs.
        alpha: Ridge penalty.
    """

    def __init__(
        self, columns: FloatArray, target: FloatArray, splits: Sequence[Split], device: Device, alpha: float
    ) -> None:
        self.order, self.cell_of_sorted_row, train, test = _cells(splits, len(target))
        self.tiles = Tiles.of(columns.shape[1], device.tile_width)
        self.device = device
        self.design = device.put(self.tiles.design(columns, target)[self.order])
        self.solver = Solver(device, self.tiles, alpha)
        self.to_train, self.to_test = device.put(train), device.put(test)
        # Reused from draw to draw: mapping new gigabytes costs more than some of the arithmetic on them.
        self.by_cell = device.empty(train.shape[1], self.tiles.width, self.tiles.width)
        self.sides = device.empty(2, len(self.tiles.pairs), len(splits), self.tiles.width**2)

    def test_sums(self, weights: FloatArray) -> TestSums:
        """Sums over each split's test side under one weighting.

        Args:
            weights: (n_rows,) how often each row counts.

        Returns:
            Arrays of (n_splits,); sse is NaN where a split has test rows and no train rows.
        """
        train, test = self.side_grams(weights)
        shape = (-1, self.tiles.width, self.tiles.width)
        rows, target, squared = (self.device.get(sums) for sums in self.solver.sums(test))
        n_train = self.device.get(self.solver.sums(train)[0])
        sse = np.where(rows > 0, np.nan, 0.0)
        for split in np.flatnonzero((rows > 0) & (n_train > 0)):
            fitted = self.solver.weights(train[:, split].reshape(shape))
            sse[split] = float(self.solver.squared_error(fitted, test[:, split].reshape(shape)))
        return TestSums(sse, rows, target, squared)

    def residuals(self) -> list[FloatArray]:
        """(n_rows,) prediction - target of each split's fit, for all rows in their own order, each with weight 1."""
        train, _ = self.side_grams(np.ones(len(self.order)))
        found = []
        for split in range(train.shape[1]):
            fitted = self.solver.weights(train[:, split].reshape(-1, self.tiles.width, self.tiles.width))
            residuals = np.empty(len(self.order))
            residuals[self.order] = self.device.get(self.design @ fitted)
            found.append(residuals)
        return found

    def side_grams(self, weights: FloatArray) -> tuple[Array, Array]:
        """Gram of every split's train side and of its test side: (n_tiles, n_splits, width * width) each.

        The next call overwrites them.
        """
        device, tiles = self.device, self.tiles
        own = weights[self.order]
        kept = np.flatnonzero(own)
        design = self.design[kept]
        weighted = design * device.put(own[kept])[:, None]
        cell_edges = np.searchsorted(self.cell_of_sorted_row[kept], np.arange(len(self.by_cell) + 1)).tolist()
        bounds = list(pairwise(cell_edges))
        train, test = self.sides
        flat = self.by_cell.reshape(len(self.by_cell), -1)
        for tile, (row, column) in enumerate(tiles.pairs):
            grams(device, weighted[:, tiles.strip(row)], design[:, tiles.strip(column)], bounds, self.by_cell)
            device.product(self.to_train, flat, train[tile])
            device.product(self.to_test, flat, test[tile])
        return train, test


def _cells(splits: Sequence[Split], n_rows: int) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """(n_rows,) row positions cell after cell, the cell of each, and (n_splits, n_cells) 1.0 for train, for test."""
    member = np.zeros((n_rows, 2 * len(splits)), dtype=bool)
    for index, split in enumerate(splits):
        member[split.train, index] = True
        member[split.test, len(splits) + index] = True
    signatures, cells = np.unique(np.packbits(member, axis=1), axis=0, return_inverse=True)
    order = np.argsort(cells, kind="stable")
    train, test = np.split(np.unpackbits(signatures, axis=1, count=member.shape[1]).astype(np.float64).T, 2)
    return order, cells[order], train, test
