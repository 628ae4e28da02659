"""Ridges from the Gram matrices of their train sides, and from rows where a Gram matrix is not exact enough."""

import numpy as np
from scipy.linalg import qr, solve_triangular

from tasks.premium.gram.devices import NARROW, Array, Device, in_threads
from tasks.premium.gram.tiles import Tiles
from tasks.premium.rows import BoolArray, FloatArray

LEAST_PIVOT = 1e-5
"""A system is solved from rows if elimination leaves less than this of a column's sum of squares.

A Gram matrix is exact to 2e-16 of that sum. Against 80-bit arithmetic R2 was off by up to 13 times 2e-16 over the
smallest remainder (500 fits of up to 100 columns, one stock 1e2 to 3e3 times the others or spectra that decay); at this
bound that is 3e-10.
"""


class Solver:
    """Solves ridges in the same memory, a batch at a time.

    Args:
        device: Where the arithmetic runs.
        tiles: Layout of all Gram matrices.
        n_systems: Most systems of a call.
        least_pivot: As LEAST_PIVOT, where less will do.
    """

    def __init__(self, device: Device, tiles: Tiles, n_systems: int, least_pivot: float = LEAST_PIVOT) -> None:
        self.device, self.tiles, self.least_pivot = device, tiles, least_pivot
        self.n_batch = n_systems if tiles.order <= NARROW else 1
        self.n_workers = min(n_systems, device.n_workers(tiles))
        side, width = tiles.n_side, tiles.width
        # Reused from draw to draw: mapping new gigabytes costs more than some of the arithmetic on them.
        self.whole = device.empty(self.n_workers, self.n_batch, tiles.order, tiles.order)
        self.by_tile = self.whole.reshape(self.n_workers, self.n_batch, side, width, side, width)
        self.pairs = tiles.pairs

    def solve(
        self, train: Array, penalties: FloatArray, without: Array | None = None, summed: FloatArray | None = None
    ) -> tuple[FloatArray, BoolArray]:
        """Fit every system's ridge.

        Args:
            train: (n_tiles, n_systems, width * width) Grams of the train sides.
            penalties: (n_systems, order) on the diagonal.
            without: Grams to take off `train`, of the same shape.
            summed: (n_systems, order) diagonals of the sums that made the train sides; their own if left out.

        Returns:
            (n_systems, n_targets, order) residual functionals as in `Device.residual_functionals`, and (n_systems,)
            whether they are as exact as a fit from rows.
        """
        n_systems, n_used = len(penalties), self.tiles.targets.start
        found = np.empty((n_systems, self.tiles.n_targets, self.tiles.order))
        exact = np.empty(n_systems, dtype=bool)

        def work(worker: int) -> None:
            for start in range(worker * self.n_batch, n_systems, self.n_workers * self.n_batch):
                own = slice(start, min(start + self.n_batch, n_systems))
                batch = self._assemble(worker, train[:, own], None if without is None else without[:, own])
                diagonal = batch.reshape(len(batch), -1)[:, :: self.tiles.order + 1]
                diagonal += self.device.put(penalties[own])
                scale = self.device.get(diagonal)[:, :n_used].copy() if summed is None else summed[own, :n_used]
                found[own], pivots = self.device.residual_functionals(batch, self.tiles)
                with np.errstate(invalid="ignore"):
                    exact[own] = (pivots[:, :n_used] > self.least_pivot * scale).all(axis=1)

        in_threads(self.n_workers, work)
        return found, exact

    def edges(self, grams: Array) -> tuple[FloatArray, FloatArray]:
        """(n_systems, order) first rows and diagonals of Grams (n_tiles, n_systems, width * width)."""
        tiles = list(zip(grams, self.pairs, strict=True))
        first = [tile[:, : self.tiles.width] for tile, (row, _) in tiles if row == 0]
        diagonal = [tile[:, :: self.tiles.width + 1] for tile, (row, column) in tiles if row == column]
        return np.hstack([*map(self.device.get, first)]), np.hstack([*map(self.device.get, diagonal)])

    def _assemble(self, worker: int, train: Array, without: Array | None) -> Array:
        # Tile by tile, so that a difference stays in the cache instead of taking a pass over memory.
        shape = (-1, self.tiles.width, self.tiles.width)
        n_systems = train.shape[1]
        for tile, (row, column) in enumerate(self.pairs):
            own = train[tile] if without is None else train[tile] - without[tile]
            self.by_tile[worker, :n_systems, row, :, column, :] = own.reshape(shape)
        return self.whole[worker, :n_systems]


def penalties_of(tiles: Tiles, alpha: float | FloatArray, variances: FloatArray) -> FloatArray:
    """(n_systems, order) diagonals of penalties: none on the intercept, alpha times a column's variance.

    Args:
        tiles: Layout.
        alpha: A penalty, or (n_systems,) penalties.
        variances: (n_systems, n_columns); ones for unscaled columns.
    """
    # Padding and targets: any positive number, no weight depends on it.
    penalties = np.ones((len(variances), tiles.order))
    penalties[:, 0] = 0
    penalties[:, 1 : tiles.targets.start] = np.reshape(alpha, (-1, 1)) * variances
    return penalties


def solve_rows(design: FloatArray, weights: FloatArray, penalty: FloatArray, tiles: Tiles) -> FloatArray:
    """(n_targets, order) residual functionals of one ridge from its train rows, by QR with the penalty as rows.

    Args:
        design: (n_rows, order) train rows.
        weights: (n_rows,) their weights.
        penalty: (order,) on the diagonal.
        tiles: Layout.
    """
    used, n_columns = tiles.targets.stop, tiles.targets.start
    rows = np.sqrt(weights)[:, None] * design[:, :used]
    penalized = np.zeros((n_columns, used))
    penalized[:, :n_columns] = np.diag(np.sqrt(penalty[:n_columns]))
    upper = qr(np.concatenate([rows, penalized]), mode="r", overwrite_a=True, check_finite=False)[0]
    found = np.zeros((tiles.n_targets, tiles.order))
    found[:, :n_columns] = solve_triangular(upper[:n_columns, :n_columns], upper[:n_columns, n_columns:]).T
    found[:, tiles.targets] = -np.eye(tiles.n_targets)
    return found
