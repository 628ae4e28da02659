"""Number formats, and casts between them that round as torch does."""

from typing import Literal

import numpy as np

from tasks.checkpoints.dtypes import ITEM_BYTES
from tasks.merge.errors import CastNotHandled

DTYPE_NAMES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
"""Floating-point formats by safetensors' name, and their names in torch and in a model's config."""
CONFIG_DTYPES = {"fp32": "F32", "bf16": "BF16"}
"""Values of `merge.dtype`."""
INFINITY_BITS = np.uint32(0x7F800000)
"""An fp32's bits without its sign: a larger value is NaN."""
QUIET_BIT = np.uint32(0x00400000)
"""Set in a NaN so that it stays one when its lower half is dropped."""


def wanted_dtype(asked: Literal["base", "fp32", "bf16"], of_base: str) -> str:
    """Number format of a merged tensor; integers and masks keep theirs."""
    return of_base if asked == "base" or of_base not in DTYPE_NAMES else CONFIG_DTYPES[asked]


def check_cast(name: str, source: str, target: str) -> None:
    """Check, before anything is written, that a cast is supported.

    Raises:
        CastNotHandled: If it is not.
    """
    if source != target and not (source in DTYPE_NAMES and target in DTYPE_NAMES):
        raise CastNotHandled(
            f"tensor {name} is {source} where the merged model has {target}; only casts between "
            f"{', '.join(DTYPE_NAMES)} are supported. Set merge.dtype to another value, or train in one of these."
        )


def check_format(name: str, dtype: str) -> None:
    """Check that a tensor of a base is not quantized.

    Raises:
        CastNotHandled: If it is.
    """
    if dtype not in ITEM_BYTES:
        raise CastNotHandled(
            f"tensor {name} of the base is {dtype}; quantized weights mean nothing without their scales, and training "
            "changes no such weight. Use the base in bf16 or fp32."
        )


def cast(raw: np.ndarray, source: str, target: str) -> np.ndarray:
    """Cast numbers to another format, rounded to nearest, ties to even.

    Args:
        raw: (n_bytes,) uint8, contiguous and aligned.
        source: Format of the numbers.
        target: Wanted format.

    Returns:
        (n_bytes,) uint8; `raw` itself if the formats are equal.
    """
    if source == target:
        return raw
    return _from_fp32(_to_fp32(raw, source), target).view(np.uint8)


def _to_fp32(raw: np.ndarray, source: str) -> np.ndarray:
    if source == "F32":
        return raw.view(np.float32)
    if source == "F16":
        return raw.view(np.float16).astype(np.float32)
    bits = raw.view(np.uint16).astype(np.uint32)
    bits <<= np.uint32(16)
    return bits.view(np.float32)


def _from_fp32(values: np.ndarray, target: str) -> np.ndarray:
    if target == "F32":
        return values
    if target == "F16":
        with np.errstate(over="ignore"):
            return values.astype(np.float16)
    bits = values.view(np.uint32)
    # Half of the last bit that stays, minus one where that bit is even, so that ties round to even.
    rounded = bits >> np.uint32(16)
    rounded &= np.uint32(1)
    rounded += np.uint32(0x7FFF)
    rounded += bits
    is_nan = (bits & np.uint32(0x7FFFFFFF)) > INFINITY_BITS
    if is_nan.any():
        rounded[is_nan] = bits[is_nan] | QUIET_BIT
    return np.ascontiguousarray(rounded.view(np.uint16)[1::2])
