"""What is checked of an adapter before it is loaded: PEFT loads one that lacks a tensor without a word."""

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tasks.forward.errors import UnusableAdapter

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig, PeftModel
    from transformers import PreTrainedModel

WEIGHTS = "adapter_model.safetensors"
Adapter: TypeAlias = "tuple[LoraConfig, dict[str, torch.Tensor]]"
"""An adapter's config, and its tensors by PEFT's names."""


def read_adapter(folder: Path, model: "PreTrainedModel", name: str) -> Adapter:
    """Read an adapter and compare it with what PEFT would make for this base.

    The expected names and shapes are PEFT's own: it wraps a copy of the architecture without weights.

    Args:
        folder: As PEFT saves it.
        model: The base.
        name: For messages, such as `forex v3`.

    Returns:
        Its config and its tensors by PEFT's names.

    Raises:
        UnusableAdapter: If a file is missing or a pickle, a tensor is missing, extra, of another shape, or not
            finite.
    """
    import torch
    from peft import LoraConfig
    from safetensors.torch import load_file

    if not (folder / WEIGHTS).is_file():
        raise UnusableAdapter(f"{name} has no {WEIGHTS}; only safetensors are loaded.")
    config = LoraConfig.from_pretrained(folder)
    # The machine that trained it had the base elsewhere; PEFT would warn of that.
    config.base_model_name_or_path = None
    tensors = load_file(folder / WEIGHTS)
    expected = expected_shapes(model, config)
    _check_names(name, set(tensors), set(expected))
    for key, tensor in tensors.items():
        if tuple(tensor.shape) != expected[key]:
            raise UnusableAdapter(
                f"{name}: {key} has shape {tuple(tensor.shape)}, and rank {config.r} on this base needs "
                f"{expected[key]}. The adapter is of another base or rank; register the one that was trained on it."
            )
        if not bool(torch.isfinite(tensor).all()):
            raise UnusableAdapter(f"{name}: {key} has NaN or infinite values; train the adapter again.")
    return config, tensors


def with_adapter(model: "PreTrainedModel", folder: Path, name: str, slot: str = "default") -> "PeftModel":
    """A base that answers with an adapter.

    Args:
        model: The base, in memory.
        folder: The adapter, as PEFT saves it.
        name: For messages.
        slot: What PEFT calls the adapter.

    Raises:
        UnusableAdapter: If it does not fit the base, or PEFT loads other values than its file has.
    """
    from peft import PeftModel

    _, tensors = read_adapter(folder, model, name)
    wrapped = PeftModel.from_pretrained(model, folder, adapter_name=slot).eval()
    if different := different_tensors(wrapped, slot, tensors):
        raise UnusableAdapter(
            f"{name}: {len(different)} tensors of the loaded adapter differ from its file, {different[0]} first."
        )
    return wrapped


def different_tensors(model: "PeftModel", slot: str, tensors: "dict[str, torch.Tensor]") -> list[str]:
    """Names of the tensors in which what PEFT would save of a loaded adapter is not what its file has."""
    import torch
    from peft import get_peft_model_state_dict

    loaded = get_peft_model_state_dict(model, adapter_name=slot, save_embedding_layers=False)
    return sorted(
        key
        for key in loaded.keys() | tensors.keys()
        if key not in loaded
        or key not in tensors
        or not torch.equal(loaded[key].cpu(), tensors[key].to(loaded[key].dtype))
    )


def expected_shapes(model: "PreTrainedModel", config: "LoraConfig") -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors that PEFT saves for an adapter of this config on this architecture.

    Without the base's embeddings, which PEFT by default saves beside an adapter on them: they are the base's.
    """
    import copy

    import torch
    from peft import get_peft_model, get_peft_model_state_dict

    with torch.device("meta"):
        bare = type(model)(copy.deepcopy(model.config))
        wrapped = get_peft_model(bare, copy.deepcopy(config), low_cpu_mem_usage=True)
    state = get_peft_model_state_dict(wrapped, save_embedding_layers=False)
    return {key: tuple(own.shape) for key, own in state.items()}


def _check_names(name: str, found: set[str], expected: set[str]) -> None:
    missing, extra = sorted(expected - found), sorted(found - expected)
    if missing or extra:
        lacks = f"lacks {len(missing)} tensors, {missing[0]} first" if missing else ""
        has = f"has {len(extra)} that this base has no place for, {extra[0]} first" if extra else ""
        raise UnusableAdapter(
            f"{name} {' and '.join(filter(None, (lacks, has)))}; a model with only some of an adapter's tensors "
            "answers without an error. The adapter is damaged, or of another base."
        )
