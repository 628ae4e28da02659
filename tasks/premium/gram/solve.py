"""Ridges from the Gram matrices of their train sides, corrected on rows where a Gram matrix is not exact enough."""

import numpy as np
from scipy.linalg import qr, solve_triangular

from tasks.premium.gram.devices import NARROW, Array, Device, in_threads
from tasks.premium.gram.tiles import Tiles
from tasks.sampling.arrays import BoolArray, FloatArray

LEAST_PIVOT = 1e-5
"""A fit is corrected on its rows if elimination leaves less than this of a column's sum of squares.

A Gram matrix is exact to 2e-16 of that sum. Against 80-bit arithmetic R2 was off by up to 13 times 2e-16 over the
smallest remainder (500 fits of up to 100 columns, one stock 1e2 to 3e3 times the others or spectra that decay); at this
bound that is 3e-10.
"""
LEAST_CORRECTED = 1e-12
"""Below this the factor may be off by more than a hundredth, and the fit is solved from its rows by QR."""
MOST_CORRECTIONS = 4
"""Corrections of a fit; one that is not exact then is solved by QR."""
SHRINKS = 0.1
"""A correction is at most this of the one before, or the fit is solved by QR."""
NEGLIGIBLE = 3e-10
"""The last correction moves no row's prediction by more than this of its error plus the target's deviation."""


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
        self,
        train: Array,
        penalties: FloatArray,
        design: Array,
        weights: FloatArray,
        without: Array | None = None,
        summed: FloatArray | None = None,
    ) -> tuple[FloatArray, BoolArray]:
        """Fit every system's ridge.

        Args:
            train: (n_tiles, n_systems, width * width) Grams of the train sides, or one for all.
            penalties: (n_systems, order) on the diagonal.
            design: (n_rows, order) the rows.
            weights: (n_systems, n_rows) their weights in each train side, 0 outside it.
            without: (n_tiles, n_systems, width * width) Grams to take off `train`.
            summed: (n_systems, order) diagonals of the sums that made the train sides; their own if left out.

        Returns:
            (n_systems, n_targets, order) residual functionals as in `Device.residual_functionals`, NaN where there
            is neither row nor penalty; and (n_systems,) whether the Gram alone was not exact enough, so that
            the fit was corrected on rows or solved from them.
        """
        n_systems, n_used = len(penalties), self.tiles.targets.start
        found = np.empty((n_systems, self.tiles.n_targets, self.tiles.order))
        is_refit, is_exact = np.empty((2, n_systems), dtype=bool)

        def work(worker: int) -> None:
            for start in range(worker * self.n_batch, n_systems, self.n_workers * self.n_batch):
                own = slice(start, min(start + self.n_batch, n_systems))
                sums = train if train.shape[1] == 1 else train[:, own]
                batch = self._assemble(worker, sums, None if without is None else without[:, own])
                diagonal = batch.reshape(len(batch), -1)[:, :: self.tiles.order + 1]
                diagonal += self.device.put(penalties[own])
                scale = self.device.get(diagonal)[:, :n_used].copy() if summed is None else summed[own, :n_used]
                found[own], factors = self.device.residual_functionals(batch, self.tiles)
                pivots = self.device.get(factors.reshape(len(batch), -1)[:, :: self.tiles.order + 1])[:, :n_used] ** 2
                with np.errstate(invalid="ignore"):
                    is_refit[own] = ~(pivots > self.least_pivot * scale).all(axis=1)
                    is_exact[own] = (pivots > min(self.least_pivot, LEAST_CORRECTED) * scale).all(axis=1)
                for system in start + np.flatnonzero(is_refit[own] & is_exact[own]):
                    rows = design, weights[system], penalties[system]
                    is_exact[system] = self._correct(found[system], factors[system - start], *rows)

        in_threads(self.n_workers, work)
        for system in np.flatnonzero(~is_exact & weights.any(axis=1)):
            used = np.flatnonzero(weights[system])
            rows = self.device.get(design[used])
            found[system] = solve_rows(rows, weights[system, used], penalties[system], self.tiles)
        return found, is_refit

    def edges(self, grams: Array) -> tuple[FloatArray, FloatArray]:
        """(n_systems, order) first rows and diagonals of Grams (n_tiles, n_systems, width * width)."""
        tiles = list(zip(grams, self.pairs, strict=True))
        first = [tile[:, : self.tiles.width] for tile, (row, _) in tiles if row == 0]
        diagonal = [tile[:, :: self.tiles.width + 1] for tile, (row, column) in tiles if row == column]
        return np.hstack([*map(self.device.get, first)]), np.hstack([*map(self.device.get, diagonal)])

    def _correct(
        self, functionals: FloatArray, factor: Array, design: Array, weights: FloatArray, penalty: FloatArray
    ) -> bool:
        """Correct (n_targets, order) functionals of one system in place; whether they are now exact.

        The gradient is computed from rows, so its error grows with the condition number and not its square; the factor
        only has to make corrections shrink.

        Source: Bjorck (1987), Linear Algebra Appl. 88-89, pp. 31-48 (corrected semi-normal equations).
        """
        deviation = self.device.get(design[:, self.tiles.targets]).std(axis=0)[:, None]
        errors, last = self.device.get(self.device.put(functionals) @ design.T), np.inf
        for _ in range(MOST_CORRECTIONS):
            gradients = self.device.get(self.device.put(errors * weights) @ design) + penalty * functionals
            functionals -= self.device.solve_factored(factor, gradients, self.tiles)
            before, errors = errors, self.device.get(self.device.put(functionals) @ design.T)
            with np.errstate(invalid="ignore", divide="ignore"):
                moved = np.max(np.abs(errors - before) / (np.abs(errors) + deviation))
            if not moved <= SHRINKS * last:
                return False
            if moved <= NEGLIGIBLE:
                return True
            last = moved
        return False

    def _assemble(self, worker: int, train: Array, without: Array | None) -> Array:
        # Tile by tile, so that a difference stays in the cache instead of taking a pass over memory.
        shape = (-1, self.tiles.width, self.tiles.width)
        n_systems = train.shape[1] if without is None else without.shape[1]
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
