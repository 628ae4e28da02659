"""A weight in parts that PEFT folds one after another: rows of a matrix, experts of a stack.

A row of the sum hangs on that row of the weight and on the factors alone, so that a fold needs memory for a part.
"""

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tasks.checkpoints.torch_save import ITEM_BYTES

if TYPE_CHECKING:
    import torch

PART_BYTES = 4 << 20
"""Of the weight, in the number format it is read in: a part's copies stay far below the largest weights."""
ROWS = 512
"""A matrix is cut at multiples of this. Of few rows, shared by threads, a product is made by other kernels, which round
otherwise: seen at parts of 21 rows on 4 threads, and of 515 on 64."""
EVEN_ROWS = 64
"""Matrices of other multiples stay whole: threads share odd rows otherwise in a part than in the whole, with the same
effect, seen at 2,049 rows on 64 threads. Qwen3.5's have such multiples."""
EXPERTS = 2
"""Of a single expert PEFT thinks as of a matrix, and rounds at another place."""


def parts_of(layer: Any, shape: tuple[int, ...], dtype: str) -> list[slice]:
    """Where a weight is cut along its first dimension.

    Args:
        layer: PEFT's layer on it.
        shape: Its sizes.
        dtype: Its number format.

    Returns:
        Slices in order; a single one where PEFT's arithmetic is not one of rows.
    """
    n_rows, row_bytes = shape[0], math.prod(shape[1:]) * ITEM_BYTES[dtype]
    unit = _unit(layer, n_rows)
    n_wanted = max(unit, PART_BYTES // row_bytes // unit * unit)
    # The last part takes the rest, so that none is smaller than the others.
    cuts = [*range(0, n_rows - n_wanted + 1, n_wanted), n_rows] if n_wanted < n_rows else [0, n_rows]
    return [slice(start, end) for start, end in pairwise(cuts)]


def factors_of(layer: Any, factors: dict[str, "torch.Tensor"], rows: slice) -> dict[str, "torch.Tensor"]:
    """The factors whose product is these rows of the whole product.

    Args:
        layer: PEFT's layer.
        factors: Its factors by their paths in the layer.
        rows: One of `parts_of`.
    """
    return {path: _cut(layer, path, factor, rows) for path, factor in factors.items()}


def _unit(layer: Any, n_rows: int) -> int:
    """Rows that stay together."""
    from peft.tuners.lora.layer import Embedding, Linear, ParamWrapper

    # Variants, such as DoRA, look at the whole weight; a transposed matrix has its columns for rows.
    if layer.lora_variant or getattr(layer, "fan_in_fan_out", False):
        return n_rows
    if isinstance(layer, ParamWrapper):
        return EXPERTS if layer.num_experts > 1 else n_rows
    return ROWS if type(layer) in (Linear, Embedding) and n_rows % EVEN_ROWS == 0 else n_rows


def _cut(layer: Any, path: str, factor: "torch.Tensor", rows: slice) -> "torch.Tensor":
    kind = path.partition(".")[0]
    if getattr(layer, "num_experts", 1) > 1:
        if kind == "lora_A":
            return factor.reshape(layer.num_experts, -1, factor.shape[1])[rows].flatten(0, 1)
        return factor.reshape(factor.shape[0], -1, layer.num_experts)[:, :, rows].flatten(1)
    if kind == "lora_embedding_A":
        return factor[:, rows]
    return factor[rows] if kind == "lora_B" else factor
