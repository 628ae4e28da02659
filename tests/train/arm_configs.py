"""Configs of both arms that axolotl must know and accept."""

from typing import Any

from tasks.common.settings import project_root
from tasks.recipe import load_recipe
from tasks.train.arms import FullWeightArm
from tasks.train.config import TrainConfig
from tasks.train.objectives import ChatObjective, PreferenceObjective
from tasks.train.pipeline.axolotl_yaml import axolotl_config


def recipe(name: str) -> TrainConfig:
    return load_recipe(project_root() / "configs" / f"{name}.yaml").train


def full_weight(**arm: Any) -> TrainConfig:
    return TrainConfig(arm=FullWeightArm(**arm))


CONFIGS = {
    "lora": TrainConfig(),
    "full-weight": full_weight(),
    "fineweb-lora": recipe("fineweb-2017-26-lora"),
    "fineweb-full-weight": recipe("fineweb-2017-26-full-weight"),
    "smoke": recipe("smoke"),
    "smoke-full-weight": recipe("smoke-full-weight"),
    "lora-packed": TrainConfig(packing=True),
    "full-weight-packed": TrainConfig(packing=True, arm=FullWeightArm(expert_kernels="sonicmoe")),
    "chat": TrainConfig(objective=ChatObjective()),
    "preference": TrainConfig(objective=PreferenceObjective(beta=0.2)),
    "stochastic-rounding": full_weight(master_weights="stochastic_rounding", expert_kernels="none"),
    "whole-gradients": full_weight(reshard_after_forward=False, sync_each_batch=False, cut_cross_entropy=False),
}


def misspelt() -> dict[str, Any]:
    """Settings with keys that exist nowhere, in every place where axolotl takes keys."""
    settings = axolotl_config(full_weight(), n_steps=3)
    settings["learning_rates"] = 1e-5
    settings["fsdp_config"]["reshard_after_backward"] = True
    settings["accelerator_config"] = {"gradient_accumulation_kwargs": {"sync_every_batch": True}}
    return settings
