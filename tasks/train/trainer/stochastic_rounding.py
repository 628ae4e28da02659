"""AdamW over bf16 weights whose steps are rounded at random, so that small steps arrive on average.

Axolotl 0.19 has no key for it: of torchao's optimizers it offers the one with fp8 moments only, and it calls no
plugin's `create_optimizer`. Its trainer does build what `optimizer_cls_and_kwargs` names, with its parameter groups.

This file runs in the trainer's environment: it imports neither Prefect nor the rooms' configs.
"""

from typing import Any

import torch
from torchao.optim import _AdamW


class RoundedAdamW(_AdamW):  # type: ignore[misc]
    """Torchao's AdamW with moments in fp32.

    Its own moments have the weights' format. In bf16 a second moment that grows by a thousandth of the squared
    gradient a step is rounded back to where it was.
    """

    def _new_buffer(self, p: torch.Tensor, signed: bool) -> torch.Tensor:
        return torch.zeros_like(p, dtype=torch.float32)


def round_at_random(trainer: Any) -> None:
    """For the plugin's `post_trainer_create`, where masters is `stochastic_rounding`."""
    args = trainer.args
    arguments = {
        "lr": args.learning_rate,
        "betas": (args.adam_beta1, args.adam_beta2),
        "eps": args.adam_epsilon,
        "weight_decay": args.weight_decay,
        "bf16_stochastic_round": True,
    }
    trainer.optimizer_cls_and_kwargs = (RoundedAdamW, arguments)
