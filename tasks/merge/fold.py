"""Folding an adapter into its base, with PEFT's own arithmetic."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.merge.errors import AdapterMismatch, NothingMoved

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_model(folder: Path) -> "PreTrainedModel":
    """Load a causal language model in its own number format, on a GPU if there is one."""
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", trust_remote_code=False, use_safetensors=True)
    return model.to(device)


def attach_adapter(base: "PreTrainedModel", adapter_dir: Path) -> Any:
    """The base with its adapter; the base's modules are wrapped in place.

    Raises:
        AdapterMismatch: If a weight of the adapter has no place in the base, or a target has no weight.
        NothingMoved: If every adapter's product is zero, as before the first training step.
    """
    from peft import PeftConfig, PeftModel

    try:
        config = PeftConfig.from_pretrained(str(adapter_dir))
        model = PeftModel(base, config)
        loaded = model.load_adapter(str(adapter_dir), "default", is_trainable=False)
    except (ValueError, RuntimeError, KeyError) as error:
        raise AdapterMismatch(
            f"the adapter does not fit its base: {str(error).splitlines()[0][:200]}. "
            "Merge it with the base it was trained on."
        ) from error
    _refuse_strays([key for key in loaded.missing_keys if "lora_" in key], list(loaded.unexpected_keys))
    _refuse_zeros(model)
    return model


def fold(model: Any) -> "PreTrainedModel":
    """Add every adapter's product to the weight it belongs to.

    Raises:
        AdapterMismatch: If an adapter is left over.
    """
    merged: PreTrainedModel = model.merge_and_unload(safe_merge=True)
    if left := [name for name, _ in merged.named_parameters() if "lora_" in name]:
        raise AdapterMismatch(
            f"{len(left)} adapter weights were not folded, {left[0]} first; this target is not supported."
        )
    return merged


def count_adapters(model: Any) -> tuple[int, int]:
    """Adapters, and those among them whose product is zero because one of their factors is."""
    from peft.tuners.lora.layer import LoraLayer

    adapters = [module for module in model.modules() if isinstance(module, LoraLayer)]
    return len(adapters), sum(_is_zero(adapter) for adapter in adapters)


def _is_zero(adapter: Any) -> bool:
    factors = (factor for kind in adapter.adapter_layer_names for factor in getattr(adapter, kind).parameters())
    return any(not bool(factor.any()) for factor in factors)


def _refuse_strays(missing: list[str], unexpected: list[str]) -> None:
    if missing or unexpected:
        raise AdapterMismatch(
            f"the adapter lacks {len(missing)} weights the base asks for and brings {len(unexpected)} it has no "
            f"place for, {(missing + unexpected)[0]} first. Merge it with the base it was trained on."
        )


def _refuse_zeros(model: Any) -> None:
    n_adapters, n_zero = count_adapters(model)
    if n_zero == n_adapters:
        raise NothingMoved(
            f"all {n_adapters} adapters are zero, as before the first step; a merge would publish the base again. "
            "Look at the training's loss curve and tokens seen."
        )
