"""Where the arithmetic runs: BLAS and LAPACK on this machine's cores, or PyTorch on a GPU."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from scipy.linalg.blas import dtrsv
from scipy.linalg.lapack import dpotrf
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tasks.premium.gram.tiles import Tiles
from tasks.premium.rows import FloatArray

Array = Any
"""A float64 array of the device, numpy's or torch's. Slices, sums, products and assignments are written alike."""
WIDE = 512
"""Columns from which a single product is worth several threads."""


class Device:
    """numpy and LAPACK on the CPU; a subclass spells the same operations for PyTorch."""

    tile_width = 128
    """Widest tile that suits the device."""

    def put(self, array: FloatArray) -> Array:
        """Copy an array to the device."""
        return array

    def get(self, array: Array) -> FloatArray:
        """Copy an array from the device."""
        on_cpu: FloatArray = array
        return on_cpu

    def empty(self, *shape: int) -> Array:
        """Uninitialized float64 array."""
        return np.empty(shape)

    def product(self, left: Array, right: Array, out: Array) -> None:
        """Matrix product into `out`, for any strides."""
        np.matmul(left, right, out=out)

    def residual_functional(self, gram: Array, tiles: Tiles) -> Array:
        """The vector that turns a row [1, columns, target, 0] into prediction - target.

        Args:
            gram: (order, order) penalized train Gram, upper triangle; overwritten.
            tiles: Its layout.

        Returns:
            (order,) intercept and weights, then -1, then zeros; NaN where the Gram is not positive definite.
        """
        # LAPACK reads the upper triangle by rows as the lower one by columns: no copy, and lower is faster.
        factor, failed = dpotrf(gram.T, lower=1, clean=0, overwrite_a=1)
        if failed:
            return np.full(tiles.order, np.nan)
        right = np.zeros(tiles.order)
        right[tiles.target] = -factor[tiles.target, tiles.target]
        return dtrsv(factor, right, lower=1, trans=1, overwrite_x=1)


class Torch(Device):
    """PyTorch on the named device: `cuda`, or `cpu` in tests that compare both classes."""

    tile_width = 512

    def __init__(self, name: str) -> None:
        import torch

        self.name, self.torch = name, torch

    def put(self, array: FloatArray) -> Array:
        """Copy to the device."""
        return self.torch.as_tensor(np.ascontiguousarray(array), dtype=self.torch.float64, device=self.name)

    def get(self, array: Array) -> FloatArray:
        """Copy from the device."""
        on_cpu: FloatArray = array.cpu().numpy()
        return on_cpu

    def empty(self, *shape: int) -> Array:
        """Uninitialized float64 array."""
        return self.torch.empty(*shape, dtype=self.torch.float64, device=self.name)

    def product(self, left: Array, right: Array, out: Array) -> None:
        """By the device's BLAS."""
        out[...] = left @ right

    def residual_functional(self, gram: Array, tiles: Tiles) -> Array:
        """Cholesky factor, then one triangular system."""
        factor, failed = self.torch.linalg.cholesky_ex(gram, upper=True)
        right = self.torch.zeros(tiles.order, 1, dtype=self.torch.float64, device=self.name)
        right[tiles.target] = -factor[tiles.target, tiles.target]
        solved = self.torch.linalg.solve_triangular(factor, right, upper=True)[:, 0]
        return solved if not failed else solved * self.torch.nan


def choose_device() -> Device:
    """A GPU if there is one."""
    import torch

    return Torch("cuda") if torch.cuda.is_available() else Device()


def threads_for(n_columns: int) -> AbstractContextManager[object]:
    """Give BLAS all cores for wide panels, one for narrow ones.

    Thousands of small systems wait for each other's threads: on two busy cores that cost a factor of twenty.
    """
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return nullcontext() if n_columns >= WIDE else limits


def grams(device: Device, left: Array, right: Array, bounds: Sequence[tuple[int, int]], out: Array) -> None:
    """Write (n_groups, width, width) sums of products of two (n_rows, width) strips of columns to `out`.

    `bounds` has the first row and one past the last of each group; rows of `left` carry their weight.
    """
    for group, (start, stop) in enumerate(bounds):
        device.product(left[start:stop].T, right[start:stop], out[group])
