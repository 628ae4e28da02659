"""Matching tensors on disk to the model's tensor names; tensors without a match are named in the error."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tasks.merge.architecture import Architecture, describe
from tasks.merge.errors import CheckpointMismatch, SourceDamaged
from tasks.merge.stored_tensors import StoredChunk, StoredTensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def base_tensors(
    on_disk: Mapping[str, StoredTensor], empty: "PreTrainedModel"
) -> tuple[dict[str, StoredTensor], dict[str, int]]:
    """Match a base's safetensors to the model, by the names transformers gives them when it loads them.

    Args:
        on_disk: By the names in the files, in any layout that transformers loads.
        empty: The model on the meta device.

    Returns:
        Tensors by the model's names, tied names included, and the number of tensors left behind by the part they
        belong to: those that transformers leaves out without reporting them, such as a vision tower.

    Raises:
        CheckpointMismatch: If a tensor is missing, unexpected, has another shape, or is rearranged on loading in
            another way than by stacking experts.
    """
    unexpected = _unexpected(on_disk, empty)
    architecture = describe(empty)
    sources, converters = _sources(on_disk, empty)
    left = {target for target in sources if target not in architecture.shapes and target not in unexpected}
    named = {
        target: _assemble(target, by_pattern, on_disk, converters)
        for target, by_pattern in sources.items()
        if target not in left
    }
    names_left = [name for target in left for names in sources[target].values() for name in names]
    n_left = Counter(_part(name, {*architecture.shapes, *on_disk.keys() - names_left}) for name in sorted(names_left))
    return model_tensors(named, architecture, "the base"), dict(n_left)


def model_tensors(named: Mapping[str, StoredTensor], architecture: Architecture, what: str) -> dict[str, StoredTensor]:
    """Select the architecture's tensors in its order. A tied name that is absent gets the tensor it is tied to.

    Raises:
        CheckpointMismatch: If a tensor is missing, unexpected or has another shape.
    """
    found = {
        name: next(filter(None, map(named.get, _shared(name, architecture))), None) for name in architecture.shapes
    }
    missing = sorted(name for name, tensor in found.items() if tensor is None)
    unexpected = sorted(set(named) - set(architecture.shapes))
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


def _shared(name: str, architecture: Architecture) -> list[str]:
    """A name and those tied to the same weight, the name itself first."""
    source = architecture.tied.get(name, name)
    return [name, source, *(other for other, shared in architecture.tied.items() if shared == source)]


def _unexpected(on_disk: Mapping[str, StoredTensor], empty: "PreTrainedModel") -> set[str]:
    """Names that transformers reports as unexpected when it loads these tensors, here on the meta device."""
    import torch

    tensors = {name: torch.empty(tensor.shape, device="meta") for name, tensor in on_disk.items()}
    with _quiet_transformers():
        _, report = type(empty).from_pretrained(
            None,
            config=empty.config,
            state_dict=tensors,
            device_map="meta",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    unexpected: set[str] = report["unexpected_keys"]
    return unexpected


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Silence transformers' own report, which speaks of weights that are initialized anew; ours are refused."""
    from transformers.utils import logging

    level, has_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if has_bar:
            logging.enable_progress_bar()


def _sources(names: Iterable[str], empty: "PreTrainedModel") -> tuple[dict[str, dict[str, list[str]]], dict[str, Any]]:
    """For each name in the model, the names in the files by the pattern that matched; and converters by pattern."""
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, dot_natural_key, rename_source_key

    mapping, state = get_model_conversion_mapping(empty), empty.state_dict()
    converters = [entry for entry in mapping if isinstance(entry, WeightConverter)]
    renamings = [entry for entry in mapping if not isinstance(entry, WeightConverter)]
    sources: dict[str, dict[str, list[str]]] = {}
    for name in sorted(names, key=dot_natural_key):
        target, pattern = rename_source_key(name, renamings, converters, empty.base_model_prefix, state)
        if target not in state and name in state:
            target, pattern = name, None
        sources.setdefault(target, {}).setdefault(pattern or "", []).append(name)
    return sources, {pattern: converter for converter in converters for pattern in converter.source_patterns}


def _assemble(
    target: str, by_pattern: dict[str, list[str]], on_disk: Mapping[str, StoredTensor], converters: dict[str, Any]
) -> StoredTensor:
    """A tensor of the model from its sources: one tensor as it is, or experts' matrices, stacked."""
    if list(by_pattern) == [""]:
        first, *others = by_pattern[""]
        if others:
            raise CheckpointMismatch(f"the base holds {target} twice, as {first} and {others[0]}; fetch it again.")
        return on_disk[first]
    converter = converters.get(next(filter(None, by_pattern)))
    patterns = converter.source_patterns if converter else []
    steps = [(type(step).__name__, getattr(step, "dim", None)) for step in converter.operations] if converter else []
    stacks = [("MergeModulelist", 0), ("Concatenate", 1)][: 1 if len(patterns) == 1 else 2]
    if steps != stacks or set(by_pattern) != set(patterns):
        raise CheckpointMismatch(
            f"transformers makes {target} of the base's {sorted(by_pattern)} by "
            f"{' and '.join(name for name, _ in steps)}, which the merge cannot do in a "
            "stream. Load the base with transformers and save it with save_pretrained(save_original_format=False)."
        )
    columns = [by_pattern[pattern] for pattern in patterns]
    if len({len(column) for column in columns}) != 1:
        raise SourceDamaged(f"the base lacks matrices of some experts of {target}; fetch it again.")
    return _stack([[on_disk[name] for name in row] for row in zip(*columns, strict=True)])


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


def _part(name: str, used: set[str]) -> str:
    """The shortest start of a name that no used name has, with `*` for numbers: `model.visual`, `mtp`."""
    parts = name.split(".")
    starts = [".".join(parts[: i + 1]) for i in range(len(parts))]
    alone = next((start for start in starts if not any(f"{other}.".startswith(f"{start}.") for other in used)), name)
    return re.sub(r"(?<=\.)\d+(?=\.)", "*", alone)


def _first(names: list[str]) -> str:
    return f", {names[0]} first," if names else ""
