"""Matching tensors on disk to the model's tensor names; tensors without a match are named in the error."""

import re
from collections import Counter
from collections.abc import Mapping

from tasks.merge.architecture import Architecture
from tasks.merge.errors import CheckpointMismatch, SourceDamaged
from tasks.merge.stored_tensors import StoredChunk, StoredTensor

PREFIX = "model.language_model."
"""What a multimodal repository puts before the language model's names."""
EXPERT = re.compile(r"^(?P<experts>.+\.experts)\.(?P<number>\d+)\.(?P<matrix>\w+)\.weight$")
FUSED = {"gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}
"""How transformers fuses experts: each expert's matrices are concatenated along rows, then the experts are stacked."""
LEFT_BEHIND = re.compile(r"^((?:model\.|model\.language_model\.)?(?:visual|vision_tower|mtp))\.")
"""Parts of a multimodal base that the causal language model lacks: vision tower and draft head."""


def base_tensors(
    on_disk: Mapping[str, StoredTensor], architecture: Architecture
) -> tuple[dict[str, StoredTensor], dict[str, int]]:
    """Match a base's safetensors to the model.

    Args:
        on_disk: By the names in the files: with or without a multimodal prefix, experts fused or one by one.
        architecture: Of the model.

    Returns:
        Tensors by the model's names, and the number of tensors left behind by the part they belong to.

    Raises:
        CheckpointMismatch: If a tensor is missing, unexpected or has another shape.
    """
    named, n_left_behind = {}, Counter[str]()
    for name, tensor in sorted(on_disk.items()):
        if match := LEFT_BEHIND.match(name):
            n_left_behind[match[1]] += 1
        else:
            named[f"model.{name.removeprefix(PREFIX)}" if name.startswith(PREFIX) else name] = tensor
    fused, used = _fuse_experts({name: tensor for name, tensor in named.items() if name not in architecture.shapes})
    others = {name: tensor for name, tensor in named.items() if name not in used}
    return model_tensors({**others, **fused}, architecture, "the base"), dict(n_left_behind)


def model_tensors(named: Mapping[str, StoredTensor], architecture: Architecture, what: str) -> dict[str, StoredTensor]:
    """Select the architecture's tensors in its order; of tied weights only one.

    Raises:
        CheckpointMismatch: If a tensor is missing, unexpected or has another shape.
    """
    aliases = {first: name for name, first in architecture.tied.items() if name in named}
    found = {name: named.get(name) or named.get(aliases.get(name, "")) for name in architecture.shapes}
    missing = sorted(name for name, tensor in found.items() if tensor is None)
    unexpected = sorted(set(named) - set(architecture.shapes) - set(architecture.tied))
    if missing or unexpected:
        raise CheckpointMismatch(
            f"{what} lacks {len(missing)} of the {len(found)} tensors of its architecture{_first(missing)} and has "
            f"{len(unexpected)} unexpected ones{_first(unexpected)}. "
            "Merge a checkpoint with the base it was trained from."
        )
    present = {name: tensor for name, tensor in found.items() if tensor is not None}
    for name, tensor in present.items():
        if tensor.shape != architecture.shapes[name]:
            raise CheckpointMismatch(
                f"tensor {name} of {what} has shape {list(tensor.shape)}, its architecture asks for "
                f"{list(architecture.shapes[name])}. Merge a checkpoint with the base it was trained from."
            )
    return present


def _fuse_experts(unmatched: Mapping[str, StoredTensor]) -> tuple[dict[str, StoredTensor], set[str]]:
    """One tensor per layer for all experts, and the names that went into them."""
    experts: dict[str, dict[str, dict[int, str]]] = {}
    for name in unmatched:
        if match := EXPERT.match(name):
            experts.setdefault(match["experts"], {}).setdefault(match["matrix"], {})[int(match["number"])] = name
    fused: dict[str, StoredTensor] = {}
    used: set[str] = set()
    for block, by_matrix in experts.items():
        for fused_name, matrices in FUSED.items():
            columns = [by_matrix.get(matrix, {}) for matrix in matrices]
            numbers = range(len(columns[0]))
            if numbers and all(sorted(column) == list(numbers) for column in columns):
                rows = [[column[i] for column in columns] for i in numbers]
                fused[f"{block}.{fused_name}"] = _stack([[unmatched[name] for name in row] for row in rows])
                used.update(name for row in rows for name in row)
    return fused, used


def _stack(experts: list[list[StoredTensor]]) -> StoredTensor:
    """Concatenate each expert's matrices along rows and stack the experts along a new first dimension."""
    layouts = {tuple((matrix.dtype, matrix.shape) for matrix in matrices) for matrices in experts}
    if len(layouts) != 1 or len({(dtype, shape[1:]) for layout in layouts for dtype, shape in layout}) != 1:
        raise SourceDamaged(f"{len(experts)} experts differ in number format or shape: {sorted(layouts)[:2]}.")
    chunks: list[StoredChunk] = []
    for i, matrices in enumerate(experts):
        height = 0
        for matrix in matrices:
            [whole] = matrix.chunks
            chunks.append(StoredChunk((i, height, 0), (1, *matrix.shape), whole.file, whole.start))
            height += matrix.shape[0]
    first = experts[0][0]
    return StoredTensor(first.dtype, (len(experts), height, first.shape[1]), tuple(chunks))


def _first(names: list[str]) -> str:
    return f", {names[0]} first," if names else ""
