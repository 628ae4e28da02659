"""What the loaded model does with its patches: the loss by the token, the output layer's adapter, missing patches."""

from types import SimpleNamespace
from typing import Any

import torch
from torch.nn import functional
from transformers.modeling_outputs import BaseModelOutputWithPast

from tasks.train.trainer.patch_checks import PatchMissing, check_patches
from tasks.train.trainer.token_mean import mean_over_tokens

N_ITEMS = 37
"""Predicted tokens of a step of several rows."""


def counts_tokens(model: Any) -> bool:
    """Whether the trainer may give the number of a step's tokens to the patched forward pass."""
    trainer = SimpleNamespace(model=model, model_accepts_loss_kwargs=False)
    mean_over_tokens(trainer)
    return trainer.model_accepts_loss_kwargs


def adapted_loss(model: Any) -> dict[str, Any]:
    """Loss and gradients of the output layer's adapter: by the patched forward pass, and by PEFT's own layer."""
    base = model.get_base_model()
    head, generator = base.lm_head, torch.Generator().manual_seed(0)
    inner, outer = head.lora_A["default"].weight, head.lora_B["default"].weight
    with torch.no_grad():
        outer.copy_(torch.randn(outer.shape, generator=generator) * 0.2)
    hidden = torch.randn(1, 24, base.config.hidden_size, generator=generator).bfloat16()
    labels = torch.randint(0, base.config.vocab_size, (1, 24), generator=generator)
    base.model.forward = lambda **_: BaseModelOutputWithPast(last_hidden_state=hidden)
    cut = model(input_ids=labels, labels=labels, num_items_in_batch=N_ITEMS).loss
    logits = head(hidden).float()[0, :-1]
    expected = functional.cross_entropy(logits, labels[0, 1:], reduction="sum") / N_ITEMS
    answer: dict[str, Any] = {"loss": float(cut), "by PEFT": float(expected)}
    bare = functional.linear(hidden, head.weight).float()[0, :-1]
    answer["without adapter"] = float(functional.cross_entropy(bare, labels[0, 1:], reduction="sum") / N_ITEMS)
    for name, factor in (("A", inner), ("B", outer)):
        ours, theirs = (torch.autograd.grad(loss, factor, retain_graph=True)[0] for loss in (cut, expected))
        answer[f"gradient {name}"] = float((ours - theirs).norm() / theirs.norm())
    del base.model.forward
    return answer


def refusals(cfg: Any, model: Any, original: Any) -> dict[str, str]:
    """The check's words once one patch is taken away; the loss's is replaced by that of the type with images."""
    from cut_cross_entropy.transformers.patch import cce_patch
    from transformers.models.qwen3_5_moe import modeling_qwen3_5_moe as modeling

    told = {"none": _told(cfg, model)}
    cut, modeling.Qwen3_5MoeForCausalLM.forward = modeling.Qwen3_5MoeForCausalLM.forward, original
    cce_patch("qwen3_5_moe")
    told["loss"] = _told(cfg, model)
    modeling.Qwen3_5MoeForCausalLM.forward = cut
    packed, modeling.Qwen3_5MoeGatedDeltaNet.forward = modeling.Qwen3_5MoeGatedDeltaNet.forward, original
    told["packing"] = _told(cfg, model)
    modeling.Qwen3_5MoeGatedDeltaNet.forward = packed
    config = getattr(model, "get_base_model", lambda: model)().config
    used, config._experts_implementation = config._experts_implementation, "eager"
    told["experts"] = _told(cfg, model)
    config._experts_implementation = used
    return told


def _told(cfg: Any, model: Any) -> str:
    try:
        check_patches(cfg, model)
    except PatchMissing as error:
        return str(error)
    return ""
