"""Loads the YAML of the current folder as the trainer does, and says which package each forward pass comes from."""

import contextlib
import importlib
import sys
from typing import Any

from tasks.gpu_trial.inside.answer import answer
from tasks.train.trainer import work_files

MODELING = "transformers.models.qwen3_5_moe.modeling_qwen3_5_moe"
CLASSES = ("ForCausalLM", "ForConditionalGeneration", "Attention", "GatedDeltaNet", "DecoderLayer", "Experts")


def origins() -> dict[str, str]:
    """The package each class's forward pass comes from."""
    modeling = importlib.import_module(MODELING)
    return {name: getattr(modeling, f"Qwen3_5Moe{name}").forward.__module__.split(".")[0] for name in CLASSES}


def describe(model: Any) -> dict[str, Any]:
    """What is patched in a loaded model, with or without adapters."""
    from peft.tuners.lora.layer import ParamWrapper
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    base = getattr(model, "get_base_model", lambda: model)()
    kernels = {
        name.split(".")[-1]: sorted(k for k in vars(m) if k.startswith("apply_")) for name, m in base.named_modules()
    }
    return {
        "class": type(base).__name__,
        "origins": origins(),
        "experts": base.config._experts_implementation,
        "wrapped experts": ParamWrapper.forward.__module__.split(".")[0],
        "sdpa": ALL_ATTENTION_FUNCTIONS["sdpa"].__module__,
        "kernels of adapters": {name: kernels[name] for name in ("self_attn", "linear_attn")},
    }


def patches() -> dict[str, Any]:
    """Load the model by axolotl's own config, plugins, PatchManager and ModelLoader.

    Raises:
        PatchMissing: If a patch that the YAML asks for is not in the model; by the trainer's plugin.
    """
    from axolotl.cli.config import load_cfg
    from axolotl.loaders import ModelLoader, load_tokenizer

    with contextlib.redirect_stdout(sys.stderr):
        cfg = load_cfg(work_files.YAML)
        model, _ = ModelLoader(cfg, load_tokenizer(cfg)).load()
    return describe(model)


if __name__ == "__main__":
    answer(patches)
