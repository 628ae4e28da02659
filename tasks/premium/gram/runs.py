"""Gram matrices of many groups of rows, of equally large groups in one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tasks.premium.gram.devices import Array, Device
from tasks.sampling.arrays import IntArray


@dataclass(frozen=True)
class Run:
    """Neighbouring groups of equally many rows: their Gram matrices are one call, not one each.

    Args:
        groups: The groups.
        rows: Their rows, group after group.
        n_used: How many of each group's rows are used, from its first on.
    """

    groups: slice
    rows: slice
    n_used: int


def runs_of(n_rows: IntArray, n_used: IntArray, longest: int = 64) -> list[Run]:
    """Runs of groups with (n_groups,) rows each, of which the first `n_used` are used; short enough to be shared."""
    first_row = np.concatenate([[0], np.cumsum(n_rows)]).tolist()
    changes = np.flatnonzero((np.diff(n_rows) != 0) | (np.diff(n_used) != 0)) + 1
    bounds = pairwise(sorted({0, *changes.tolist(), *range(0, len(n_rows), longest), len(n_rows)}))
    return [Run(slice(a, b), slice(first_row[a], first_row[b]), int(n_used[a])) for a, b in bounds]


def grams(device: Device, left: Array, right: Array, runs: Sequence[Run], out: Array) -> None:
    """Write (n_groups, width, width) sums of products of two (n_rows, width) strips of columns to `out`.

    Rows of `left` carry their weight.
    """
    for run in runs:
        shape = run.groups.stop - run.groups.start, -1, out.shape[-1]
        one, other = (strip[run.rows].reshape(shape)[:, : run.n_used] for strip in (left, right))
        device.product(one.mT, other, out[run.groups])
