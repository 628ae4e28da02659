"""AdamW in two groups, and the course of their learning rates."""

import warnings
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler
from transformers import get_scheduler

from tasks.train.trainer.sharded.errors import SettingsRefused
from tasks.train.trainer.sharded.keys import Keys

VOCABULARY = ("embed_tokens", "lm_head")
"""Parts of names by which axolotl tells what has the embedding learning rate."""


def build_optimizer(model: nn.Module, keys: Keys, masters: str) -> torch.optim.Optimizer:
    """AdamW over every parameter, without weight decay.

    Args:
        model: Sharded.
        keys: Learning rates and kind.
        masters: `stochastic_rounding` takes torchao's AdamW.

    Raises:
        SettingsRefused: If the optimizer is neither of PyTorch's two.
    """
    groups = _groups(model, keys)
    betas = (keys.adam_beta1, keys.adam_beta2)
    options: dict[str, Any] = {"betas": betas, "eps": keys.adam_epsilon, "weight_decay": 0.0}
    if keys.optimizer not in ("adamw_torch", "adamw_torch_fused"):
        raise SettingsRefused(
            f"optimizer = {keys.optimizer} cannot step weights that are split over ranks; set it to adamw_torch_fused."
        )
    if masters == "stochastic_rounding":
        return _rounding_at_random(groups, options)
    return torch.optim.AdamW(groups, **options, fused=keys.optimizer == "adamw_torch_fused")


def build_scheduler(optimizer: torch.optim.Optimizer, keys: Keys, n_steps_done: int = 0) -> LRScheduler:
    """Transformers' own schedule, at the place it has after some steps.

    Args:
        optimizer: Its groups hold the peaks.
        keys: Course and warm-up.
        n_steps_done: Optimizer steps already taken.
    """
    scheduler: LRScheduler = get_scheduler(
        keys.lr_scheduler, optimizer, n_warmup_steps(keys.warmup_ratio, keys.max_steps), keys.max_steps
    )
    if n_steps_done:
        with warnings.catch_warnings():
            # Each step of a schedule is to follow one of its optimizer, which was taken before the run was stopped.
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
            # The course is a function of the step: no need to walk there.
            scheduler.last_epoch = n_steps_done - 1
            scheduler.step()
    return scheduler


def n_warmup_steps(warmup_ratio: float, n_steps: int) -> int:
    """Steps of the warm-up, counted as axolotl counts them: rounded down, and two instead of one."""
    n_warmup = int(warmup_ratio * n_steps)
    return 2 if n_warmup == 1 else n_warmup


def _groups(model: nn.Module, keys: Keys) -> list[dict[str, Any]]:
    parameters = list(model.named_parameters())
    vocabulary = [parameter for name, parameter in parameters if any(part in name for part in VOCABULARY)]
    others = [parameter for name, parameter in parameters if not any(part in name for part in VOCABULARY)]
    # The first group's learning rate is the one in the metrics.
    return [{"params": others, "lr": keys.learning_rate}, {"params": vocabulary, "lr": keys.embedding_lr}]


def _rounding_at_random(groups: list[dict[str, Any]], options: dict[str, Any]) -> torch.optim.Optimizer:
    from tasks.train.trainer.stochastic_rounding import RoundedAdamW

    # Compiled, as torchao does it, the step costs a C++ compiler's seconds per shape; the same operations run without.
    torch.compiler.set_stance("force_eager")
    optimizer: torch.optim.Optimizer = RoundedAdamW(groups, **options, bf16_stochastic_round=True)
    return optimizer
