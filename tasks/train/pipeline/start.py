"""What is checked of an adapter that a training goes on from, before a trainer starts."""

import json
from collections.abc import Iterator
from pathlib import Path

from tasks.forward.adapters import read_adapter
from tasks.forward.errors import UnusableAdapter
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tasks.train.arms import LoraArm
from tasks.train.config import TrainConfig
from tasks.train.errors import WrongStart
from tasks.train.estimates.sizes import model_on_meta


def check_start(start: Checkpoint, config: TrainConfig, base: ModelFolder) -> Path:
    """Check that the adapter has the arm's rank, scale and targets, and every tensor for them.

    Args:
        start: What was trained before.
        config: The arm, and its objective.
        base: The base of both.

    Returns:
        The adapter's folder.

    Raises:
        WrongStart: If the training cannot go on from it.
    """
    from transformers import AutoConfig

    if not isinstance(config.arm, LoraArm) or start.arm != "lora":
        raise WrongStart(
            f"a training of the arm {config.arm.kind} cannot go on from one of the arm {start.arm}; both must be lora."
        )
    if config.objective.kind == "preference":
        raise WrongStart(
            "objective preference takes the model without adapters as reference, and cannot go on from one; set "
            "objective.kind to chat, or merge the adapter first."
        )
    check_arm(start.adapter_dir, config.arm)
    architecture = AutoConfig.from_pretrained(base.path, trust_remote_code=False).get_text_config()
    try:
        read_adapter(start.adapter_dir, model_on_meta(architecture), "the adapter to go on from")
    except UnusableAdapter as error:
        raise WrongStart(str(error)) from error
    return start.adapter_dir


def check_arm(adapter: Path, arm: LoraArm) -> None:
    """Check that an adapter has an arm's rank, scale and targets.

    Raises:
        WrongStart: If it has others.
    """
    if different := list(_differences(adapter, arm)):
        raise WrongStart(
            f"the adapter to go on from has {'; '.join(different)}. Give train.arm the adapter's own settings: "
            "adapters of two ranks, scales or targets are not exchanged for each other."
        )


def _differences(adapter: Path, arm: LoraArm) -> Iterator[str]:
    saved = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    for key, name, own in (("r", "rank", arm.rank), ("lora_alpha", "alpha", arm.alpha)):
        if saved[key] != own:
            yield f"{name} {saved[key]}, and train.arm.{name} is {own}"
    for name in ("target_modules", "target_parameters"):
        found, wanted = set(saved.get(name) or ()), set(getattr(arm, name))
        if found != wanted:
            only = [f"{each} alone" for each in sorted(found - wanted)]
            only += [f"no {each}" for each in sorted(wanted - found)]
            yield f"in {name} {', '.join(only)}, compared with train.arm.{name}"
