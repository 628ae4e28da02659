"""Folding an adapter into one weight after another with PEFT's own layers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.merge.adapter import Adapter
from tasks.merge.casting import DTYPE_NAMES, cast
from tasks.merge.errors import AdapterMismatch, NothingChanged
from tasks.merge.row_slices import row_slices, slice_factors
from tasks.merge.stream import BLOCK_BYTES, MergedTensor, Reader

if TYPE_CHECKING:
    import torch


@dataclass
class FoldedTensor(MergedTensor):
    """A base tensor plus its adapter's product."""

    adapter: Adapter

    def blocks(self, reader: Reader) -> Iterator[np.ndarray]:
        """The sum, by PEFT's arithmetic in the merged number format, slice by slice.

        Raises:
            AdapterMismatch: If the sum is not finite.
            NothingChanged: If an expert's adapter is not zero but changes no weight.
        """
        ranges, rest, is_changed = self.source.byte_ranges(), None, False
        factors = self.adapter.factors(self.name)
        row_bytes = self.source.n_bytes // self.source.shape[0]
        layer = self.adapter.layers[self.name]
        slices = row_slices(layer, self.source.shape, self.source.dtype)
        for rows in slices:
            raw = np.empty((rows.stop - rows.start) * row_bytes, np.uint8)
            _, rest = reader.fill(raw, ranges, rest)
            # A weight that stays whole may have its rows along another dimension of the factors.
            of_rows = slice_factors(layer, factors, rows) if len(slices) > 1 else factors
            merged, slice_changed = self._fold(cast(raw, self.source.dtype, self.dtype), of_rows, rows)
            del raw
            is_changed |= slice_changed
            yield from (merged[start : start + BLOCK_BYTES] for start in range(0, len(merged), BLOCK_BYTES))
        self._count(is_changed)

    def _fold(self, raw: np.ndarray, factors: dict[str, "torch.Tensor"], rows: slice) -> tuple[np.ndarray, bool]:
        """Bytes of the merged slice, and whether they differ from `raw`, the slice in the merged number format."""
        import torch

        layer = self.adapter.layers[self.name]
        weight = self._tensor(raw, self.dtype, rows)
        try:
            merged = peft_merge(layer, self.name.rsplit(".", 1)[1], weight, factors)
        except ValueError as error:
            raise AdapterMismatch(
                f"adapter of {self.name} gives no finite weights; look at the training's loss."
            ) from error
        as_bytes: np.ndarray = merged.contiguous().view(-1).view(torch.uint8).numpy()
        return as_bytes, not torch.equal(merged, weight)

    def _tensor(self, raw: np.ndarray, dtype: str, rows: slice) -> "torch.Tensor":
        import torch

        shape = (rows.stop - rows.start, *self.source.shape[1:])
        return torch.from_numpy(raw).view(getattr(torch, DTYPE_NAMES[dtype])).reshape(shape)

    def _count(self, is_changed: bool) -> None:
        is_expert, is_zero = self.adapter.is_expert(self.name), self.adapter.is_zero(self.name)
        if is_expert and not is_changed and not is_zero:
            longer = "Train on more tokens or with a higher learning rate."
            way_out = longer if self.dtype == "F32" else "Set merge.dtype to fp32."
            raise NothingChanged(
                f"the adapter of {self.name} is not zero, but every sum rounds to the base's weight in "
                f"{self.dtype}; the merged experts would be the base's. {way_out}"
            )
        self.counts |= {
            "adapters": 1,
            "zero adapters": int(is_zero),
            "moved": int(is_changed),
            "moved experts": int(is_changed and is_expert),
        }


def peft_merge(layer: Any, name: str, weight: "torch.Tensor", factors: dict[str, "torch.Tensor"]) -> "torch.Tensor":
    """Let PEFT's layer compute the sum of a weight and the product of its factors.

    Args:
        layer: On the meta device; the weight and the factors replace its parameters during the call.
        name: The weight's name in the base layer.
        weight: The whole weight or a slice of its rows.
        factors: Of these rows, by their paths in the layer.

    Raises:
        ValueError: If the sum is not finite.
    """
    import torch

    with ExitStack() as replaced:
        for path, factor in factors.items():
            holder, _, leaf = path.rpartition(".")
            parameter = torch.nn.Parameter(factor, requires_grad=False)
            replaced.enter_context(_attribute(layer.get_submodule(holder), leaf, parameter))
        base_layer = layer.get_base_layer()
        replaced.enter_context(_attribute(base_layer, name, torch.nn.Parameter(weight, requires_grad=False)))
        if weight.dim() > 2:
            replaced.enter_context(_attribute(layer, "num_experts", len(weight)))
        replaced.callback(layer.merged_adapters.clear)
        layer.merge(safe_merge=True)
        merged: torch.Tensor = getattr(base_layer, name).data
        return merged


@contextmanager
def _attribute(owner: Any, name: str, value: object) -> Iterator[None]:
    """Replace an attribute within a `with` block."""
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)
