"""The upper triangle of a Gram matrix, in square tiles."""

from dataclasses import dataclass
from math import ceil

import numpy as np

from tasks.sampling.arrays import FloatArray

TILE_WIDTH = 128
"""Most columns of a tile: wide enough for BLAS, and every group's tile fits in memory at once."""
TILES_A_SIDE = 7
"""Narrower panels get smaller tiles, or the squares on the diagonal would be half of all work ..."""
NARROWEST = 56
"""... down to where a call costs more than its arithmetic."""


@dataclass(frozen=True)
class Tiles:
    """How a symmetric matrix of [1, columns, targets] is cut.

    Args:
        n_columns: Columns without the one and the targets.
        n_targets: Targets that are fitted on the same columns.
        width: Rows and columns of a tile.
        n_side: Tiles along a side; the last one is padded with zeros.
    """

    n_columns: int
    n_targets: int
    width: int
    n_side: int

    @classmethod
    def of(cls, n_columns: int, n_targets: int = 1, widest: int = TILE_WIDTH) -> "Tiles":
        """Tiles no wider than `widest` with the least padding."""
        n_used = 1 + n_columns + n_targets
        n_side = max(ceil(n_used / widest), min(TILES_A_SIDE, ceil(n_used / NARROWEST)))
        return cls(n_columns, n_targets, ceil(n_used / n_side), n_side)

    @property
    def order(self) -> int:
        """Rows of the whole matrix, padding included."""
        return self.width * self.n_side

    @property
    def targets(self) -> slice:
        """Indices of the targets, behind the one and the columns."""
        return slice(self.n_columns + 1, self.n_columns + 1 + self.n_targets)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(row of tiles, column of tiles) of each tile of the upper triangle."""
        return [(row, column) for column in range(self.n_side) for row in range(column + 1)]

    @property
    def n_bytes(self) -> int:
        """Size of one matrix in float64."""
        return 8 * len(self.pairs) * self.width**2

    def strip(self, index: int) -> slice:
        """The columns of one row or column of tiles."""
        return slice(index * self.width, (index + 1) * self.width)

    def design(self, columns: FloatArray, targets: FloatArray) -> FloatArray:
        """(n_rows, order) one, columns and targets about their means, zeros.

        Centring changes no fit with a free intercept; it keeps the sums of products from cancelling.
        """
        design = np.zeros((len(targets), self.order))
        design[:, 0] = 1
        np.subtract(columns, columns.mean(axis=0), out=design[:, 1 : self.targets.start])
        np.subtract(targets, targets.mean(axis=0), out=design[:, self.targets])
        return design
