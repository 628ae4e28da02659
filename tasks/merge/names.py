"""Giving each tensor on disk its name in the model, and naming what has none."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from tasks.merge.architecture import Architecture
from tasks.merge.errors import CheckpointMismatch
from tasks.merge.sources import Source, stack

PREFIX = "model.language_model."
"""What a multimodal repository puts before the language model's names."""
EXPERT = re.compile(r"^(?P<experts>.+\.experts)\.(?P<number>\d+)\.(?P<part>\w+)\.weight$")
FUSED = {"gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}
"""What transformers makes of one tensor per expert: the parts of each expert below one another, the experts stacked."""
LEFT_BEHIND = re.compile(r"^(model\.|model\.language_model\.)?(visual|vision_tower|mtp)\.")
"""Of a multimodal base: the tower that sees and the head that drafts, which the causal language model lacks."""


def base_tensors(on_disk: Mapping[str, Source], architecture: Architecture) -> tuple[dict[str, Source], dict[str, int]]:
    """The model's tensors from a base's safetensors.

    Args:
        on_disk: Tensors by their names in the files: with or without a multimodal prefix, experts fused or one by one.
        architecture: What the model asks for.

    Returns:
        The tensors by the model's names, and how many were left behind, by the part they belong to.

    Raises:
        CheckpointMismatch: If a tensor is missing, has no place or another shape.
    """
    left = {name for name in on_disk if LEFT_BEHIND.match(name)}
    named = {_without_prefix(name): source for name, source in on_disk.items() if name not in left}
    fused, used = _fuse_experts({name: source for name, source in named.items() if name not in architecture.shapes})
    loose = {name: source for name, source in named.items() if name not in used}
    found = model_tensors({**loose, **fused}, architecture, "the base")
    return found, dict(Counter(_part(name) for name in sorted(left)))


def model_tensors(named: Mapping[str, Source], architecture: Architecture, what: str) -> dict[str, Source]:
    """The architecture's tensors, in its order; of tied weights one.

    Raises:
        CheckpointMismatch: If a tensor is missing, has no place or another shape.
    """
    aliases = {kept: name for name, kept in architecture.tied.items() if name in named}
    found = {name: named.get(name) or named.get(aliases.get(name, "")) for name in architecture.shapes}
    missing = sorted(name for name, source in found.items() if source is None)
    unexpected = sorted(set(named) - set(architecture.shapes) - set(architecture.tied))
    if missing or unexpected:
        raise CheckpointMismatch(
            f"{what} lacks {len(missing)} of the {len(found)} tensors of its architecture"
            f"{_first(missing)} and brings {len(unexpected)} it has no place for{_first(unexpected)}. "
            "Merge a checkpoint with the base it was trained from."
        )
    present = {name: source for name, source in found.items() if source is not None}
    for name, source in present.items():
        if source.shape != architecture.shapes[name]:
            raise CheckpointMismatch(
                f"tensor {name} of {what} has shape {list(source.shape)}, its architecture asks for "
                f"{list(architecture.shapes[name])}. Merge a checkpoint with the base it was trained from."
            )
    return present


def _fuse_experts(loose: Mapping[str, Source]) -> tuple[dict[str, Source], set[str]]:
    """Experts as one tensor per layer, and the names that went into them."""
    experts: dict[str, dict[str, dict[int, str]]] = {}
    for name in loose:
        if match := EXPERT.match(name):
            experts.setdefault(match["experts"], {}).setdefault(match["part"], {})[int(match["number"])] = name
    fused: dict[str, Source] = {}
    used: set[str] = set()
    for block, by_part in experts.items():
        for together, parts in FUSED.items():
            columns = [by_part.get(part, {}) for part in parts]
            numbers = range(len(columns[0]))
            if numbers and all(sorted(column) == list(numbers) for column in columns):
                rows = [[column[i] for column in columns] for i in numbers]
                fused[f"{block}.{together}"] = stack([[loose[name] for name in row] for row in rows])
                used.update(name for row in rows for name in row)
    return fused, used


def _without_prefix(name: str) -> str:
    return "model." + name.removeprefix(PREFIX) if name.startswith(PREFIX) else name


def _part(name: str) -> str:
    match = LEFT_BEHIND.match(name)
    return match[0].removesuffix(".") if match else name


def _first(names: Iterable[str]) -> str:
    return "".join(f", {name} first," for name in list(names)[:1])
