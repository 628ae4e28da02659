"""Walks the YAML of the current folder."""

import contextlib
import importlib
import json
import sys
from typing import Any

# They look for a GPU in their imports.
import bitsandbytes  # noqa: F401
import fla  # noqa: F401
import torch
from axolotl.cli.config import load_cfg
from axolotl.loaders import ModelLoader, load_tokenizer
from axolotl.loaders.patch_manager import PLUGIN_MANAGER

from tasks.gpu_trial.inside.patches import MODELING, describe, origins
from tasks.train.trainer import work_files
from tests.train.trainer.gpu_walk.checks import adapted_loss, counts_tokens, refusals
from tests.train.trainer.gpu_walk.device import place_on_cpu, pretend


def without_alias(cfg: Any) -> str:
    """Axolotl's words where the type's own modules are missing; empty for a YAML without adapters' kernels."""
    from axolotl.monkeypatch.lora_kernels import get_attention_cls_from_config

    aliases = {
        name: sys.modules.pop(name) for name in list(sys.modules) if "transformers.models.qwen3_5_moe_text" in name
    }
    try:
        get_attention_cls_from_config(cfg)
    except ValueError as error:
        return str(error)
    finally:
        sys.modules.update(aliases)
    return ""


def generic_patch(cfg: Any, original: Any) -> dict[str, str]:
    """Where forward passes come from with a fork that does not know the text type, by axolotl's generic patch."""
    from cut_cross_entropy.transformers.patch import PATCH_FNS

    known = PATCH_FNS.pop("qwen3_5_moe_text")
    importlib.import_module(MODELING).Qwen3_5MoeForCausalLM.forward = original
    try:
        (plugin,) = (plugin for name, plugin in PLUGIN_MANAGER.plugins.items() if "CutCrossEntropy" in name)
        plugin.pre_model_load(cfg)
        return origins()
    finally:
        PATCH_FNS["qwen3_5_moe_text"] = known


def lookups(cfg: Any) -> dict[str, bool]:
    """Whether axolotl's tables know the type."""
    from axolotl.integrations.kernels.constants import is_experts_only_model
    from axolotl.model_support import get_model_support
    from axolotl.monkeypatch.multipack import SUPPORTED_MULTIPACK_MODEL_TYPES
    from liger_kernel.transformers.monkey_patch import MODEL_TYPE_TO_APPLY_LIGER_FN

    name = cfg.model_config_type
    return {
        "model_support": get_model_support(name) is not None,
        "multipack": name in SUPPORTED_MULTIPACK_MODEL_TYPES,
        "experts without a block": is_experts_only_model(name),
        "liger": name in MODEL_TYPE_TO_APPLY_LIGER_FN,
    }


def walk() -> dict[str, Any]:
    """Load the model as the trainer does, and say what was patched."""
    pretend()
    original = importlib.import_module(MODELING).Qwen3_5MoeForCausalLM.forward
    cfg = load_cfg(work_files.YAML)
    place_on_cpu(cfg)
    answer: dict[str, Any] = {"type": cfg.model_config_type, "lookups": lookups(cfg), "without": without_alias(cfg)}
    model, _ = ModelLoader(cfg, load_tokenizer(cfg)).load()
    answer |= describe(model)
    answer["counts tokens"] = counts_tokens(model)
    answer["head"] = adapted_loss(model) if cfg.adapter else {}
    answer["refusals"] = refusals(cfg, model, original)
    answer["generic"] = generic_patch(cfg, original)
    return answer


if __name__ == "__main__":
    torch.set_num_threads(1)
    with contextlib.redirect_stdout(sys.stderr):
        told = walk()
    print("ANSWERS" + json.dumps(told))
