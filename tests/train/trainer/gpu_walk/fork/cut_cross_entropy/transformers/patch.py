"""Which class is patched for which type."""

from collections.abc import Callable
from typing import Any

from .llama import cce_forward

AXOLOTL_CCE_FORK = 1


def patch_qwen3_5_moe_text(maybe_model: Any, patch_options: Any, remote_model_id: str | None = None) -> None:
    """The language model."""
    from transformers.models.qwen3_5_moe import modeling_qwen3_5_moe as modeling

    modeling.Qwen3_5MoeForCausalLM.forward = cce_forward


def patch_qwen3_5_moe(maybe_model: Any, patch_options: Any, remote_model_id: str | None = None) -> None:
    """The model of images and text."""
    from transformers.models.qwen3_5_moe import modeling_qwen3_5_moe as modeling

    modeling.Qwen3_5MoeForConditionalGeneration.forward = cce_forward


PATCH_FNS: dict[str, Callable[..., None]] = {
    "qwen3_5_moe": patch_qwen3_5_moe,
    "qwen3_5_moe_text": patch_qwen3_5_moe_text,
}


def cce_patch(model_type: str, remote_model_id: str | None = None) -> None:
    """Patch the class of a type."""
    PATCH_FNS[model_type](model_type, object(), remote_model_id)
