"""Rounding is torch's, to the bit."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.merge.casting import cast, check_cast, wanted_dtype
from tasks.merge.errors import CastNotHandled

TORCH = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
PAIRS = [(source, target) for source in TORCH for target in TORCH if source != target]


def assert_rounds_as_torch(bits: np.ndarray, source: str, target: str) -> None:
    tensor = torch.from_numpy(bits.view(np.uint8).copy()).view(TORCH[source])
    wanted = tensor.to(TORCH[target])
    found = torch.from_numpy(cast(bits.view(np.uint8), source, target).copy()).view(TORCH[target])
    assert torch.equal(found.isnan(), wanted.isnan())
    as_bits = torch.int32 if target == "F32" else torch.int16
    numbers = ~wanted.isnan()
    assert torch.equal(found[numbers].view(as_bits), wanted[numbers].view(as_bits))


@pytest.mark.parametrize(("source", "target"), [pair for pair in PAIRS if pair[0] != "F32"])
def test_every_half_precision_number_is_rounded_as_torch_rounds_it(source: str, target: str) -> None:
    assert_rounds_as_torch(np.arange(2**16, dtype=np.uint16), source, target)


@pytest.mark.parametrize("target", ["BF16", "F16"])
def test_numbers_around_every_tie_are_rounded_as_torch_rounds_them(target: str) -> None:
    heads = np.arange(2**16, dtype=np.uint32) << 16
    for tail in (0, 1, 0x0FFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001, 0xFFFF):
        assert_rounds_as_torch(heads | np.uint32(tail), "F32", target)


@given(arrays(np.uint32, st.integers(1, 50)), st.sampled_from(["BF16", "F16"]))
def test_any_bits_are_rounded_as_torch_rounds_them(bits: np.ndarray, target: str) -> None:
    assert_rounds_as_torch(bits, "F32", target)


def test_the_same_format_is_returned_unchanged() -> None:
    raw = np.arange(8, dtype=np.uint8)
    assert cast(raw, "I64", "I64") is raw


def test_integers_keep_their_format_and_unknown_casts_are_refused_by_name() -> None:
    assert (wanted_dtype("bf16", "I64"), wanted_dtype("bf16", "F32"), wanted_dtype("base", "F16")) == (
        "I64",
        "BF16",
        "F16",
    )
    with pytest.raises(CastNotHandled, match="tensor step is I64 where the merged model has F32"):
        check_cast("step", "I64", "F32")
