"""Where the arithmetic runs: BLAS and LAPACK on this machine's cores, or PyTorch on a GPU."""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from scipy.linalg import cython_lapack
from scipy.linalg.lapack import dtrtrs
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tasks.premium.gram.tiles import Tiles
from tasks.sampling.arrays import FloatArray

Array = Any
"""A float64 array of the device, numpy's or torch's. Slices, sums, products and assignments are written alike."""
WIDE = 256
"""Columns from which arithmetic is worth several threads; with fewer they would wait for the interpreter."""
NARROW = 128
"""Order up to which a call costs more than its arithmetic, so that systems are solved together."""


class Device:
    """numpy and LAPACK on the CPU; a subclass spells the same operations for PyTorch."""

    tile_width = 128
    """Widest tile where there is one Gram per stock."""
    cell_tile_width = 256
    """Widest tile where there is one per cell: cells have more rows and are fewer."""

    def n_workers(self, tiles: Tiles) -> int:
        """Threads that work side by side, each with BLAS of its own."""
        return len(os.sched_getaffinity(0)) if tiles.order >= WIDE else 1

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

    def residual_functionals(self, grams: Array, tiles: Tiles) -> tuple[FloatArray, Array]:
        """Vectors that turn a row [1, columns, targets, 0] into prediction - target, one per system and target.

        Args:
            grams: (n_systems, order, order) penalized train Grams, upper triangles; overwritten.
            tiles: Their layout.

        Returns:
            (n_systems, n_targets, order) intercept and weights, -1 at the target, zeros; and (n_systems, order, order)
            Cholesky factors, upper triangles. NaN, also on a factor's diagonal, where a Gram is not positive definite.
        """
        if tiles.order > NARROW:
            return self._one_by_one(grams, tiles)
        try:
            factors = np.linalg.cholesky(grams, upper=True)
        except np.linalg.LinAlgError:
            return self._one_by_one(grams, tiles)
        right = _right_sides(np.zeros((len(grams), tiles.order, tiles.n_targets)), factors, tiles)
        return np.asarray(np.linalg.solve(factors, right)).transpose(0, 2, 1), factors

    def solve_factored(self, factor: Array, right: FloatArray, tiles: Tiles) -> FloatArray:
        """(n_targets, order) solutions of [1, columns]' Gram, zero behind them, by one factor of the above."""
        solved, ref = right.copy(), ctypes.byref
        n_used, n_right, order, failed = (ctypes.c_int(n) for n in (tiles.targets.start, *right.shape, 0))
        pointers = factor.ctypes.data, ref(order), solved.ctypes.data, ref(order)
        _dpotrs(b"L", ref(n_used), ref(n_right), *pointers, ref(failed))
        solved[:, tiles.targets.start :] = 0
        return solved

    def _one_by_one(self, grams: FloatArray, tiles: Tiles) -> tuple[FloatArray, FloatArray]:
        solved = np.full((len(grams), tiles.n_targets, tiles.order), np.nan)
        for system, gram in enumerate(grams):
            if _factor(gram):
                factor = gram.T
                right = np.zeros((tiles.n_targets, tiles.order)).T
                right[tiles.targets] = -np.tril(factor[tiles.targets, tiles.targets]).T
                solved[system] = dtrtrs(factor, right, lower=1, trans=1, overwrite_b=1)[0].T
            else:
                np.fill_diagonal(gram, np.nan)
        return solved, grams


class Torch(Device):
    """PyTorch on the named device: `cuda`, or `cpu` in tests that compare both classes."""

    tile_width = cell_tile_width = 512

    def __init__(self, name: str) -> None:
        import torch

        self.name, self.torch = name, torch

    def n_workers(self, tiles: Tiles) -> int:
        """One: the device has threads of its own."""
        return 1

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

    def residual_functionals(self, grams: Array, tiles: Tiles) -> tuple[FloatArray, Array]:
        """Cholesky factors, then triangular systems, all at once."""
        factors, failed = self.torch.linalg.cholesky_ex(grams, upper=True)
        right = self.put(np.zeros((len(grams), tiles.order, tiles.n_targets)))
        solved = self.torch.linalg.solve_triangular(factors, _right_sides(right, factors, tiles), upper=True)
        solved[failed > 0] = factors[failed > 0] = self.torch.nan
        return self.get(solved).transpose(0, 2, 1), factors

    def solve_factored(self, factor: Array, right: FloatArray, tiles: Tiles) -> FloatArray:
        """As on the CPU."""
        used, solved = slice(tiles.targets.start), np.zeros_like(right)
        columns = self.torch.cholesky_solve(self.put(right[:, used]).T, factor[used, used], upper=True)
        solved[:, used] = self.get(columns).T
        return solved


def _factor(gram: FloatArray) -> bool:
    """Replace the upper triangle by its Cholesky factor; False if the matrix is not positive definite."""
    order, failed = ctypes.c_int(len(gram)), ctypes.c_int()
    # LAPACK reads the upper triangle by rows as the lower one by columns: no copy, and lower is faster.
    _dpotrf(b"L", ctypes.byref(order), gram.ctypes.data, ctypes.byref(order), ctypes.byref(failed))
    return failed.value == 0


def _lapack(name: str, *types: Any) -> Callable[..., None]:
    """A function of scipy's LAPACK that lets other threads run meanwhile, as scipy.linalg.lapack's do not."""
    capsule = cython_lapack.__pyx_capi__[name]
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.CFUNCTYPE(None, *types)(pointer_of(capsule, name_of(capsule)))


_INT = ctypes.POINTER(ctypes.c_int)
_dpotrf = _lapack("dpotrf", ctypes.c_char_p, _INT, ctypes.c_void_p, _INT, _INT)
_dpotrs = _lapack("dpotrs", ctypes.c_char_p, _INT, _INT, ctypes.c_void_p, _INT, ctypes.c_void_p, _INT, _INT)


def _right_sides(zeros: Array, factors: Array, tiles: Tiles) -> Array:
    """Right sides whose solutions have -1 at their own target and 0 at the others."""
    zeros[:, tiles.targets] = -factors[:, tiles.targets, tiles.targets]
    return zeros


def choose_device() -> Device:
    """A GPU if there is one."""
    import torch

    return Torch("cuda") if torch.cuda.is_available() else Device()


def one_thread() -> AbstractContextManager[object]:
    """One BLAS thread, where systems are solved side by side or are small.

    Thousands of small systems wait for each other's threads: on two busy cores that cost a factor of twenty.
    """
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def in_threads(n_workers: int, work: Callable[[int], None]) -> None:
    """Call `work` with 0, 1, ... side by side; it must spend its time outside the interpreter."""
    if n_workers == 1:
        work(0)
        return
    with ThreadPoolExecutor(n_workers) as pool:
        list(pool.map(work, range(n_workers)))
