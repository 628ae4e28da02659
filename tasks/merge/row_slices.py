"""Slices of a weight that PEFT folds one after another: rows of a matrix, experts of a stack.

A row of the sum depends on that row of the weight and on the factors only, so that a fold needs memory for one slice.
"""

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tasks.checkpoints.dtypes import ITEM_BYTES

if TYPE_CHECKING:
    import torch

SLICE_BYTES = 4 << 20
"""Of the weight in the format it is read in; a slice and its copies stay far below the largest weights."""
ROWS = 512
"""A matrix is cut at multiples of this. Products of few rows, shared by threads, use other kernels and round otherwise:
seen with slices of 21 rows on 4 threads, and of 515 on 64."""
EVEN_ROWS = 64
"""A matrix whose height is not a multiple of this stays whole: threads share odd rows otherwise in a slice than in the
whole matrix, with the same effect, seen at 2,049 rows on 64 threads. Qwen3.5's heights are such multiples."""
EXPERTS = 2
"""PEFT treats a single expert as a matrix and rounds at another step."""


def row_slices(layer: Any, shape: tuple[int, ...], dtype: str) -> list[slice]:
    """Cut a weight along its first dimension; into a single slice if PEFT does not fold it row by row."""
    n_rows, row_bytes = shape[0], math.prod(shape[1:]) * ITEM_BYTES[dtype]
    step = _smallest_slice(layer, n_rows)
    n_wanted = max(step, SLICE_BYTES // row_bytes // step * step)
    # The last slice takes the remainder, so that none is smaller than the others.
    cuts = [*range(0, n_rows - n_wanted + 1, n_wanted), n_rows] if n_wanted < n_rows else [0, n_rows]
    return [slice(start, end) for start, end in pairwise(cuts)]


def slice_factors(layer: Any, factors: dict[str, "torch.Tensor"], rows: slice) -> dict[str, "torch.Tensor"]:
    """The factors, by their paths in the layer, whose product is these rows of the whole product."""
    return {path: _slice_factor(layer, path, factor, rows) for path, factor in factors.items()}


def _smallest_slice(layer: Any, n_rows: int) -> int:
    from peft.tuners.lora.layer import Embedding, Linear, ParamWrapper

    # Variants such as DoRA need the whole weight; in a transposed matrix the rows are columns.
    if layer.lora_variant or getattr(layer, "fan_in_fan_out", False):
        return n_rows
    if isinstance(layer, ParamWrapper):
        return EXPERTS if layer.num_experts > 1 else n_rows
    return ROWS if type(layer) in (Linear, Embedding) and n_rows % EVEN_ROWS == 0 else n_rows


def _slice_factor(layer: Any, path: str, factor: "torch.Tensor", rows: slice) -> "torch.Tensor":
    kind = path.partition(".")[0]
    if getattr(layer, "num_experts", 1) > 1:
        if kind == "lora_A":
            return factor.reshape(layer.num_experts, -1, factor.shape[1])[rows].flatten(0, 1)
        return factor.reshape(factor.shape[0], -1, layer.num_experts)[:, :, rows].flatten(1)
    if kind == "lora_embedding_A":
        return factor[:, rows]
    return factor[rows] if kind == "lora_B" else factor
