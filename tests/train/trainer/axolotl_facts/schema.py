"""What axolotl's schema says of settings, and which of their keys nothing reads."""

import json
from typing import Any

from accelerate.utils import GradientAccumulationPlugin
from axolotl.cli.config import prepare_plugins
from axolotl.integrations.base import PluginManager
from axolotl.utils.config import validate_config
from axolotl.utils.dict import DictDefault
from axolotl.utils.schemas.fsdp import FSDPConfig
from transformers.trainer_pt_utils import AcceleratorConfig

H100S = {"bf16": True, "fp8": True, "tf32": True, "n_gpu": 8, "n_node": 1, "compute_capability": "sm_90"}


def schema(settings_by_name: dict[str, Any]) -> dict[str, Any]:
    """For each: keys nobody knows and keys whose value was changed, or why it was refused."""
    return {name: _answer(settings) for name, settings in settings_by_name.items()}


def _answer(settings: dict[str, Any]) -> dict[str, Any]:
    cfg = DictDefault(json.loads(json.dumps(settings)))
    PluginManager.get_instance().plugins.clear()
    # The kernels' keys come from axolotl's own plugins; ours has none, and needs the folder of a run.
    cfg.plugins = [name for name in settings["plugins"] if name.startswith("axolotl.")]
    prepare_plugins(cfg)
    cfg.plugins = settings["plugins"]
    try:
        validated = validate_config(cfg, capabilities=H100S, env_capabilities={"torch_version": "2.13.0"})
    except ValueError as error:
        return {"refused": str(error)}
    compared = [key for key in settings if key in validated and key != "datasets"]
    changed = [key for key in compared if not _kept(settings[key], validated[key])]
    unknown = _unknown_keys(settings, validated)
    return {"unknown": unknown, "changed": changed}


def _unknown_keys(settings: dict[str, Any], validated: Any) -> list[str]:
    accelerator = settings.get("accelerator_config", {})
    accumulation = accelerator.get("gradient_accumulation_kwargs", {})
    known = [
        (settings, validated),
        (settings.get("fsdp_config", {}), FSDPConfig.model_fields),
        (accelerator, AcceleratorConfig.__dataclass_fields__),
        (accumulation, GradientAccumulationPlugin.__dataclass_fields__),
    ]
    return [key for given, names in known for key in given if key not in names]


def _kept(given: Any, validated: Any) -> bool:
    if isinstance(given, dict):
        return all(key in validated and _kept(value, validated[key]) for key, value in given.items())
    return bool(given == validated)
