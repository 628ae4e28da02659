"""Folding an adapter into one weight after another, by PEFT's own layers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.merge.adapter import Adapter
from tasks.merge.casting import DTYPE_NAMES, cast
from tasks.merge.errors import AdapterMismatch, NothingMoved
from tasks.merge.parts import factors_of, parts_of
from tasks.merge.sources import Source
from tasks.merge.stream import PIECE_BYTES, Reader

if TYPE_CHECKING:
    import torch


@dataclass
class Folded:
    """A tensor that gets its adapter's product added."""

    name: str
    dtype: str
    source: Source
    adapter: Adapter
    counts: dict[str, int] = field(default_factory=dict)

    def pieces(self, reader: Reader) -> Iterator[np.ndarray]:
        """The sum, by PEFT's arithmetic in the merged number format, part by part.

        Raises:
            AdapterMismatch: If the adapter was trained on another base, or the sum is no number.
            NothingMoved: If an expert's adapter is not zero and yet changes nothing.
        """
        runs, rest, n_moved = self.source.runs(), None, 0
        factors = self.adapter.factors(self.name)
        row_bytes = self.source.n_bytes // self.source.shape[0]
        for rows in parts_of(self.adapter.layers[self.name], self.source.shape, self.source.dtype):
            raw = np.empty((rows.stop - rows.start) * row_bytes, np.uint8)
            _, rest = reader.fill(raw, runs, rest)
            _refuse_another_base(self, raw, rows)
            merged, moved = fold(self, cast(raw, self.source.dtype, self.dtype), factors, rows)
            del raw
            n_moved += moved
            yield from (merged[start : start + PIECE_BYTES] for start in range(0, len(merged), PIECE_BYTES))
        _count(self, moved=n_moved > 0)


def fold(output: Folded, raw: np.ndarray, factors: dict[str, "torch.Tensor"], rows: slice) -> tuple[np.ndarray, bool]:
    """Let PEFT's layer merge into a part of this one weight.

    Args:
        output: Names the weight and its adapter.
        raw: (n_bytes,) uint8 of the part in the merged number format.
        factors: The whole weight's factors, by their paths in the layer.
        rows: Which part.

    Returns:
        (n_bytes,) uint8 of the merged part, and whether it is another one than `raw`.

    Raises:
        AdapterMismatch: If the sum is no number.
    """
    import torch

    layer = output.adapter.layers[output.name]
    shape = (rows.stop - rows.start, *output.source.shape[1:])
    weight = torch.from_numpy(raw).view(getattr(torch, DTYPE_NAMES[output.dtype])).reshape(shape)
    try:
        merged = _merged(layer, output.name.rsplit(".", 1)[1], weight, factors_of(layer, factors, rows))
    except ValueError as error:
        raise AdapterMismatch(
            f"adapter of {output.name} gives no finite weights; look at the training's loss."
        ) from error
    as_bytes: np.ndarray = merged.contiguous().view(-1).view(torch.uint8).numpy()
    return as_bytes, not torch.equal(merged, weight)


def _merged(layer: Any, name: str, weight: "torch.Tensor", factors: dict[str, "torch.Tensor"]) -> "torch.Tensor":
    """PEFT's sum for a layer that has this weight and these factors for the moment."""
    with ExitStack() as borrowed:
        for path, factor in factors.items():
            holder, _, leaf = path.rpartition(".")
            borrowed.enter_context(_standing_in(layer.get_submodule(holder), leaf, factor))
        borrowed.enter_context(_standing_in(layer.get_base_layer(), name, weight))
        if weight.dim() > 2:
            borrowed.enter_context(_of_experts(layer, len(weight)))
        borrowed.callback(layer.merged_adapters.clear)
        layer.merge(safe_merge=True)
        merged: torch.Tensor = getattr(layer.get_base_layer(), name).data
        return merged


@contextmanager
def _standing_in(module: Any, name: str, tensor: "torch.Tensor") -> Iterator[None]:
    """Numbers in the place of a parameter without."""
    import torch

    empty = getattr(module, name)
    setattr(module, name, torch.nn.Parameter(tensor, requires_grad=False))
    try:
        yield
    finally:
        setattr(module, name, empty)


@contextmanager
def _of_experts(layer: Any, n_experts: int) -> Iterator[None]:
    whole, layer.num_experts = layer.num_experts, n_experts
    try:
        yield
    finally:
        layer.num_experts = whole


def _refuse_another_base(output: Folded, raw: np.ndarray, rows: slice) -> None:
    """A copy of the base's weight that came with the adapter must be that weight."""
    import torch

    if (copy := output.adapter.copies.get(output.name)) is None:
        return
    trained_on = output.adapter.tensors.get_slice(copy)[rows]
    ours = torch.from_numpy(raw).view(getattr(torch, DTYPE_NAMES[output.source.dtype])).reshape(trained_on.shape)
    if not torch.equal(ours.to(trained_on.dtype), trained_on):
        raise AdapterMismatch(
            f"the adapter brings {copy}, which is another one than the base's {output.name}: it was trained on another "
            "base. Merge it with that one."
        )


def _count(output: Folded, moved: bool) -> None:
    is_expert, is_zero = output.adapter.is_expert(output.name), output.adapter.is_zero(output.name)
    if is_expert and not moved and not is_zero:
        raise NothingMoved(
            f"the adapter of {output.name} is not zero, and yet every sum rounds to the base's weight in "
            f"{output.dtype}; the merged experts would be the base's. Set merge.dtype to fp32."
        )
    counts = {
        "adapters": True,
        "zero adapters": is_zero,
        "base copies": output.name in output.adapter.copies,
        "moved": moved,
        "moved experts": moved and is_expert,
    }
    if output.dtype != output.source.dtype:
        counts[f"{output.source.dtype} to {output.dtype}"] = True
    output.counts = {what: int(count) for what, count in counts.items()}
