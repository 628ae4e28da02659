"""Fixed splits under many weightings of the rows: a Gram matrix per cell, and sums of cells per train side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.premium.gram.devices import Array, Device, in_threads
from tasks.premium.gram.runs import Run, grams, runs_of
from tasks.premium.gram.solve import LEAST_PIVOT, Solver, penalties_of
from tasks.premium.gram.tiles import Tiles
from tasks.sampling.arrays import BoolArray, FloatArray, IntArray, Split

CANCELLED = 1e-4
"""A variance is computed from rows if it is less than this of the mean square: the Gram has lost four digits of it."""
CONSTANT = 1e-12
"""A column does not vary if its deviation, relative to its size, is below this."""
NO_EFFECT = 1e200
"""Penalty of a column that does not vary in train."""


@dataclass(frozen=True)
class Ridge:
    """How every split is fitted.

    Args:
        alpha: Penalty, or (n_splits,) penalties.
        is_standardized: Whether columns are standardized by mean and deviation of the split's weighted train rows.
    """

    alpha: float | FloatArray
    is_standardized: bool = False


@dataclass(frozen=True)
class Weighted:
    """The rows that a weighting keeps, cell after cell.

    Args:
        rows: (n_kept,) their positions in the panel.
        weights: (n_kept,) their weights.
        design: (n_kept, order) their columns, on the device.
        cells: Their rows, cell after cell.
    """

    rows: IntArray
    weights: FloatArray
    design: Array
    cells: Sequence[Run]


class CellGrams:
    """One model's columns, sorted by cell, ready for weightings. A cell is the rows that all train sides treat alike.

    Args:
        columns: (n_rows, n_columns), unscaled.
        targets: (n_rows, n_targets).
        splits: Splits of the rows.
        device: Where the arithmetic runs.
        least_pivot: As in `Solver`.
    """

    def __init__(
        self,
        columns: FloatArray,
        targets: FloatArray,
        splits: Sequence[Split],
        device: Device,
        least_pivot: float = LEAST_PIVOT,
    ) -> None:
        self.is_train, self.is_test = (
            _masks(sides, len(targets)) for sides in zip(*((split.train, split.test) for split in splits), strict=True)
        )
        signatures, cell = np.unique(np.packbits(self.is_train, axis=0), axis=1, return_inverse=True)
        self.order = np.argsort(cell, kind="stable")
        self.cell_of_sorted_row = cell[self.order]
        self.tiles = Tiles.of(columns.shape[1], targets.shape[1], device.cell_tile_width)
        self.device = device
        self.size = np.abs(columns.mean(axis=0))
        self.design = device.put(self.tiles.design(columns, targets)[self.order])
        self.solver = Solver(device, self.tiles, len(splits), least_pivot)
        self.to_train = device.put(np.unpackbits(signatures, axis=0, count=len(splits)).astype(np.float64))
        # Reused from draw to draw, as the solver's memory.
        self.by_cell = device.empty(self.solver.n_workers, signatures.shape[1], self.tiles.width, self.tiles.width)
        self.train = device.empty(len(self.tiles.pairs), len(splits), self.tiles.width**2)

    def weigh(self, weights: FloatArray) -> Weighted:
        """The rows of positive weight, from (n_rows,) weights."""
        kept = np.flatnonzero(weights[self.order])
        rows = self.order[kept]
        sizes = np.bincount(self.cell_of_sorted_row[kept], minlength=self.by_cell.shape[1])
        return Weighted(rows, weights[rows], self.design[kept], runs_of(sizes, sizes))

    def fit(self, weighted: Weighted, ridges: Sequence[Ridge]) -> tuple[FloatArray, int]:
        """Fit every ridge on every split's train side.

        Returns:
            (n_splits, n_ridges, n_targets, order) functionals that turn a row of the design into prediction - target,
            NaN where a split has no train row; and how many fits were corrected on rows or solved from them.
        """
        train = self._train_grams(weighted)
        n_train, variances = self._variances(train, weighted)
        train_weights = self.is_train[:, weighted.rows] * weighted.weights
        empty, n_refits, found = n_train == 0, 0, []
        for ridge in ridges:
            scale = variances if ridge.is_standardized else np.ones_like(variances)
            penalties = penalties_of(self.tiles, ridge.alpha, scale)
            penalties[empty, 0] = 1
            functionals, is_refit = self.solver.solve(train, penalties, weighted.design, train_weights)
            n_refits += int((is_refit & ~empty).sum())
            found.append(functionals)
        stacked = np.stack(found, axis=1)
        stacked[empty] = np.nan
        return stacked, n_refits

    def residuals(self, weighted: Weighted, functionals: FloatArray) -> FloatArray:
        """(n_splits, n_fits, n_kept) prediction - target of (n_splits, n_fits, order) functionals."""
        flat = functionals.reshape(-1, self.tiles.order)
        found = self.device.get(self.device.put(flat) @ weighted.design.T)
        return found.reshape(*functionals.shape[:2], -1)

    def _train_grams(self, weighted: Weighted) -> Array:
        """(n_tiles, n_splits, width * width) Gram of every train side; the next call overwrites them."""
        left = weighted.design * self.device.put(weighted.weights)[:, None]
        pairs = list(enumerate(self.tiles.pairs))

        def work(worker: int) -> None:
            by_cell = self.by_cell[worker]
            for tile, (row, column) in pairs[worker :: self.solver.n_workers]:
                strips = left[:, self.tiles.strip(row)], weighted.design[:, self.tiles.strip(column)]
                grams(self.device, *strips, weighted.cells, by_cell)
                self.device.product(self.to_train, by_cell.reshape(len(by_cell), -1), self.train[tile])

        in_threads(self.solver.n_workers, work)
        return self.train

    def _variances(self, train: Array, weighted: Weighted) -> tuple[FloatArray, FloatArray]:
        """(n_splits,) weight of each train side and (n_splits, n_columns) variances; NO_EFFECT for a constant."""
        first, diagonal = self.solver.edges(train)
        n_train, columns = first[:, 0], slice(1, self.tiles.targets.start)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean, square = first[:, columns] / n_train[:, None], diagonal[:, columns] / n_train[:, None]
        variances = square - mean**2
        for split in np.flatnonzero((variances <= CANCELLED * square).any(axis=1)).tolist():
            lost = np.flatnonzero(variances[split] <= CANCELLED * square[split])
            variances[split, lost] = self._exact_variances(weighted, split, lost)
        variances[n_train == 0] = 1
        return n_train, variances

    def _exact_variances(self, weighted: Weighted, split: int, columns: IntArray) -> FloatArray:
        own = self.is_train[split, weighted.rows]
        rows, weights = self.device.get(weighted.design[np.flatnonzero(own)][:, columns + 1]), weighted.weights[own]
        mean = weights @ rows / weights.sum()
        variances: FloatArray = weights @ (rows - mean) ** 2 / weights.sum()
        # A constant's deviation is rounding error; a penalty in proportion would let it blow up test rows.
        varies = np.sqrt(variances) > CONSTANT * (self.size[columns] + np.abs(mean))
        return np.where(varies, variances, NO_EFFECT)


def _masks(sides: Sequence[IntArray], n_rows: int) -> BoolArray:
    """(n_sides, n_rows) whether a row is on a side."""
    masks = np.zeros((len(sides), n_rows), dtype=bool)
    for mask, side in zip(masks, sides, strict=True):
        mask[side] = True
    return masks
