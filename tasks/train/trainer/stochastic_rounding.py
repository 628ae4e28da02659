"""AdamW on bf16 weights with stochastic rounding, so that small steps take effect on average.

Axolotl 0.19 has no key for it: of torchao's optimizers it offers only the one with fp8 moments, and it never calls a
plugin's `create_optimizer`. Its trainer does build the optimizer of `optimizer_cls_and_kwargs`, with its parameter
groups.
"""

from typing import Any

import torch
from torchao.optim import _AdamW
from transformers import set_seed


class RoundedAdamW(_AdamW):  # type: ignore[misc]
    """Torchao's AdamW with moments in fp32.

    By default moments have the weights' format. In bf16 a second moment that grows by a thousandth of the squared
    gradient per step is rounded back to its old value.
    """

    def _new_buffer(self, p: torch.Tensor, signed: bool) -> torch.Tensor:
        return torch.zeros_like(p, dtype=torch.float32)


def round_at_random(trainer: Any) -> None:
    """For the plugin's `post_trainer_create`, if master_weights is `stochastic_rounding`."""
    args = trainer.args
    # Each rank rounds by random numbers of its own; nothing else of a full-weight run is random.
    set_seed((args.seed + args.process_index) % 2**32)
    arguments = {
        "lr": args.learning_rate,
        "betas": (args.adam_beta1, args.adam_beta2),
        "eps": args.adam_epsilon,
        "weight_decay": args.weight_decay,
        "bf16_stochastic_round": True,
    }
    trainer.optimizer_cls_and_kwargs = (RoundedAdamW, arguments)
