"""Adapters on the output layer under cut cross entropy, which reads `lm_head.weight` and never calls `lm_head`.

PEFT's wrapper gives the base's weight there: the loss would not see the adapter, its factors would have no gradient,
and the adapter would be saved as it began, without a word. PEFT's output is W h + s B (A h), the product of [W, B]
and [h, s A h]: hidden states and weight get `r` more columns, and cut cross entropy computes exactly the adapted
loss. The widened weight and its gradient take 2 bytes x vocabulary x (hidden + r) each.
"""

import importlib
from collections.abc import Callable
from typing import Any

import torch


class HeadDropout(RuntimeError):
    """An adapter on the output layer with a dropout, under cut cross entropy."""


def adapt_head(model: Any) -> None:
    """For the plugin's `post_model_load`: let cut cross entropy compute with the output layer's adapter, if it has one.

    It wraps `linear_cross_entropy`, as `cut_cross_entropy.transformers.utils` calls it.

    Args:
        model: As loaded, with or without adapters.

    Raises:
        HeadDropout: If the adapter has a dropout.
    """
    head = getattr(model, "get_base_model", lambda: model)().get_output_embeddings()
    if not hasattr(head, "lora_A"):
        return
    (name,) = head.active_adapters
    if not isinstance(head.lora_dropout[name], torch.nn.Identity):
        raise HeadDropout(
            "the adapter on the output layer has a dropout, which cut cross entropy does not apply. Set arm.dropout "
            "to 0, leave lm_head out of arm.target_modules, or set arm.cut_cross_entropy to false."
        )
    utils: Any = importlib.import_module("cut_cross_entropy.transformers.utils")
    original: Callable[..., torch.Tensor] = utils.linear_cross_entropy

    def adapted(e: torch.Tensor, c: torch.Tensor, targets: torch.Tensor, **options: Any) -> torch.Tensor:
        if c is not head.weight:
            return original(e, c, targets, **options)
        inner, outer = head.lora_A[name].weight, head.lora_B[name].weight
        reduced = (e.to(inner.dtype) @ inner.T) * head.scaling[name]
        wide = torch.cat([e.to(c.dtype), reduced.to(c.dtype)], dim=-1)
        return original(wide, torch.cat([c, outer.to(c.dtype)], dim=-1), targets, **options)

    utils.linear_cross_entropy = adapted
