"""A weight that is folded slice by slice equals the one PEFT folds whole, to the bit."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers.pytorch_utils import Conv1D

from tasks.merge.fold import peft_merge
from tasks.merge.row_slices import EXPERTS, ROWS, SLICE_BYTES, row_slices, slice_factors

FORMATS = {"F32": torch.float32, "BF16": torch.bfloat16}
SHAPES = {"linear": (4_160, 1_024), "embedding": (12_352, 321), "experts": (17, 700, 400)}
"""Each has several slices in either format, and rows and widths that are bad for kernels."""


class Experts(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def layer_on(kind: str, shape: tuple[int, ...], rank: int = 4, **config: Any) -> Any:
    """PEFT's layer on a weight on the meta device."""
    model = nn.Module()
    with torch.device("meta"):
        kinds = {"transposed": Conv1D, "embedding": nn.Embedding, "experts": Experts}
        model.target = nn.Linear(shape[1], shape[0], bias=False) if kind == "linear" else kinds[kind](*shape)
        names: dict[str, Any] = {"target_modules": ["target"]}
        if kind == "experts":
            names = {"target_modules": [], "target_parameters": ["target.weight"]}
        adapted = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, **names, **config))
    return adapted.base_model.model.target


@pytest.mark.parametrize("n_threads", [1, 2, 8, 64])
@pytest.mark.parametrize("factors_in", FORMATS.values(), ids=str)
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("kind", SHAPES)
def test_concatenated_slices_are_the_weight_folded_whole(
    kind: str, dtype: str, factors_in: torch.dtype, n_threads: int
) -> None:
    generator, shape = torch.Generator().manual_seed(0), SHAPES[kind]
    layer = layer_on(kind, shape)
    weight = torch.randn(shape, generator=generator).to(FORMATS[dtype])
    factors = {
        path: (torch.randn(factor.shape, generator=generator) * 0.05).to(factors_in)
        for path, factor in layer.named_parameters()
        if "lora_" in path
    }
    slices, before = row_slices(layer, shape, dtype), torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        whole = peft_merge(layer, "weight", weight, factors)
        folded = [peft_merge(layer, "weight", weight[rows], slice_factors(layer, factors, rows)) for rows in slices]
    finally:
        torch.set_num_threads(before)
    assert len(slices) > 1
    assert torch.equal(torch.cat(folded), whole)
    assert not torch.equal(whole, weight)


@given(st.integers(1, 700), st.integers(1, 5_000), st.sampled_from([*FORMATS]))
def test_every_row_is_in_one_slice_and_none_is_much_larger_than_the_bound(n_steps: int, width: int, dtype: str) -> None:
    layer, n_rows = layer_on("linear", (64, 1)), 64 * n_steps
    slices = row_slices(layer, (n_rows, width), dtype)
    assert [row for rows in slices for row in range(n_rows)[rows]] == list(range(n_rows))
    row_bytes = width * FORMATS[dtype].itemsize
    assert max(rows.stop - rows.start for rows in slices) * row_bytes < 2 * max(SLICE_BYTES, ROWS * row_bytes)


@pytest.mark.parametrize("n_experts", [2, 3, 9])
def test_no_slice_is_a_single_expert(n_experts: int) -> None:
    shape = (n_experts, 2_048, 2_048)
    slices = row_slices(layer_on("experts", shape), shape, "BF16")
    assert min(rows.stop - rows.start for rows in slices) >= EXPERTS
    assert len(slices) == n_experts // EXPERTS


def test_a_weight_that_is_not_folded_row_by_row_stays_whole() -> None:
    shape = (4_096, 2_048)
    for layer, rows in [
        (layer_on("linear", shape, use_dora=True), 4_096),
        (layer_on("transposed", shape, fan_in_fan_out=True), 4_096),
        (layer_on("linear", shape), 4_097),
        (layer_on("embedding", shape), 4_097),
        (layer_on("experts", (1, *shape)), 1),
    ]:
        assert row_slices(layer, (rows, 2_048), "F32") == [slice(0, rows)]
