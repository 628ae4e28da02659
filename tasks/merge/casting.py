"""Number formats, and rounding from one to another as torch does."""

from typing import Literal

import numpy as np

from tasks.merge.errors import CastNotHandled

FLOATS = ("F32", "BF16", "F16")
DTYPE_NAMES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
"""Names in a model's config."""
MERGED = {"fp32": "F32", "bf16": "BF16"}
"""What `merge.dtype` asks for."""
NAN_ABOVE = np.uint32(0x7F800000)
"""An fp32's bits without its sign: above this it is not a number."""
QUIET = np.uint32(0x00400000)
"""Keeps a NaN one when its lower half is cut off."""


def wanted_dtype(asked: Literal["base", "fp32", "bf16"], of_base: str) -> str:
    """Number format of a merged tensor; counters and masks keep theirs."""
    return of_base if asked == "base" or of_base not in FLOATS else MERGED[asked]


def check_cast(name: str, source: str, target: str) -> None:
    """Refuse what is not handled, before anything is written.

    Raises:
        CastNotHandled: If a number format is to be turned into one this module does not know.
    """
    if source != target and not (source in FLOATS and target in FLOATS):
        raise CastNotHandled(
            f"tensor {name} is {source} where the merged model has {target}; only {', '.join(FLOATS)} are turned "
            "into one another. Set merge.dtype to another value, or train in one of these."
        )


def cast(raw: np.ndarray, source: str, target: str) -> np.ndarray:
    """Bytes of the same numbers in another format, rounded to nearest, ties to even.

    Args:
        raw: (n_bytes,) uint8, contiguous and aligned.
        source: Their number format.
        target: The one wanted.

    Returns:
        (n_bytes,) uint8; `raw` itself where the formats are one.
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
    # Half of the last place kept, less one bit where that place is even, so that ties go to even.
    rounded = bits >> np.uint32(16)
    rounded &= np.uint32(1)
    rounded += np.uint32(0x7FFF)
    rounded += bits
    is_nan = (bits & np.uint32(0x7FFFFFFF)) > NAN_ABOVE
    if is_nan.any():
        rounded[is_nan] = bits[is_nan] | QUIET
    return np.ascontiguousarray(rounded.view(np.uint16)[1::2])
