"""The test error of a ridge from the Gram matrices of its train side and its test side."""

from dataclasses import dataclass

import numpy as np

from tasks.premium.gram.devices import Array, Device
from tasks.premium.gram.tiles import Tiles
from tasks.premium.rows import FloatArray


@dataclass(frozen=True)
class TestSums:
    """Sums over a test side. R2 follows from them, also for several sides together.

    Args:
        sse: Sum of squared errors.
        n_rows: Sum of the rows' weights.
        target: Sum of the centred target.
        target_squared: Sum of its squares.
    """

    __test__ = False  # not a pytest class

    sse: FloatArray
    n_rows: FloatArray
    target: FloatArray
    target_squared: FloatArray

    @property
    def sst(self) -> FloatArray:
        """Sum of squares about the side's own mean."""
        return self.target_squared - self.target**2 / self.n_rows

    def r2(self) -> FloatArray:
        """1 - SSE / SST; NaN where the target does not vary."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return 1 - self.sse / self.sst


class Solver:
    """Solves ridges one by one in the same memory.

    Args:
        device: Where the arithmetic runs.
        tiles: Layout of all Gram matrices.
        alpha: Penalty on the columns; the intercept is free.
    """

    def __init__(self, device: Device, tiles: Tiles, alpha: float) -> None:
        self.device, self.tiles = device, tiles
        self.whole = device.empty(tiles.order, tiles.order)
        side = tiles.n_side
        self.by_tile = self.whole.reshape(side, tiles.width, side, tiles.width)
        self.pairs = tiles.pairs
        self.rows, self.columns = (np.array(indices) for indices in zip(*self.pairs, strict=True))
        # A tile above the diagonal counts for its mirror image too.
        self.times = device.put(np.where(self.rows == self.columns, 1.0, 2.0))
        penalty = np.ones(tiles.order)  # padding and target: any positive number, no weight depends on it
        penalty[0], penalty[1 : tiles.target] = 0, alpha
        self.penalty = device.put(penalty)

    def weights(self, gram: Array, without: Array | None = None) -> Array:
        """(order,) intercept and weights of the ridge, then -1, then zeros.

        The train side's Gram is `gram`, less `without` if given: (n_tiles, width, width) each.
        """
        # Tile by tile, so that a difference stays in the cache instead of taking a pass over memory.
        for tile, (row, column) in enumerate(self.pairs):
            self.by_tile[row, :, column, :] = gram[tile] if without is None else gram[tile] - without[tile]
        self.whole.reshape(-1)[:: self.tiles.order + 1] += self.penalty
        return self.device.residual_functional(self.whole, self.tiles)

    def squared_error(self, weights: Array, test: Array) -> Array:
        """Sum of squared errors on a test side, from its Gram (n_tiles, width, width)."""
        strips = weights.reshape(self.tiles.n_side, self.tiles.width)
        products = (test @ strips[self.columns][:, :, None])[:, :, 0]
        return ((products * strips[self.rows]).sum(1) * self.times).sum()

    def sums(self, grams: Array) -> tuple[Array, Array, Array]:
        """Rows, sum of target and sum of its squares, from Grams (n_tiles, n_sides, width * width)."""
        ones, target = (0, 0), (0, self.tiles.target)
        squared = (self.tiles.target, self.tiles.target)
        indices = [self.tiles.index_of(*entry) for entry in (ones, target, squared)]
        return tuple(grams[tile, :, index] for tile, index in indices)
