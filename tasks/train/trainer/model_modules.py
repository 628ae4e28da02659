"""Makes a text model's own type find the modules of the model it belongs to.

Axolotl 0.19 imports `transformers.models.<type>.modeling_<type>` to patch classes: attention for the adapters'
kernels (`get_attention_cls_from_config` in axolotl/monkeypatch/lora_kernels.py, before any plugin's
`pre_model_load`), the loss of a type that cut cross entropy's own table lacks, tiled layers, Liger's loss.
Transformers has no such modules for `qwen3_5_moe_text`, whose classes are in `qwen3_5_moe`, and the run ends. Another
type instead of the own one would be wrong: for `qwen3_5_moe` cut cross entropy patches the class for images and text,
and no other.
"""

import importlib
import sys

from transformers.models.auto.configuration_auto import model_type_to_module_name


def alias_modules(model_type: str) -> None:
    """Let `transformers.models.<type>` and its modeling module be imported under the type's own name.

    Args:
        model_type: As in config.json; nothing happens for a type that has modules of its own.
    """
    package = model_type_to_module_name(model_type)
    if package == model_type:
        return
    own, other = (f"transformers.models.{name}" for name in (model_type, package))
    sys.modules[own] = importlib.import_module(other)
    sys.modules[f"{own}.modeling_{model_type}"] = importlib.import_module(f"{other}.modeling_{package}")
