"""What direct preference optimization needs: a loss without other terms, whose first value is ln 2.

Before the first step the adapters add nothing, so that model and reference, the same model with its adapters off, give
every answer the same probability: the loss of each pair is -log sigmoid(0) = ln 2. Any other first loss means another
reference, such as an adapter that was there before, or a term beside the preference.
"""

import math
from typing import Any

import torch

from tasks.train.errors import WrongReference
from tasks.train.trainer.callbacks import StepCallback
from tasks.train.trainer.ranks import world_size
from tasks.train.trainer.settings import Settings

TRAINING_ARGS = {"router_aux_loss_coef": 0.0}
"""For the plugin's `get_training_args`: by default TRL 1.9 adds 0.001 times a mixture of experts' balancing loss."""
TOLERANCE = {"fp32": 1e-6, "bf16": 1e-2}
"""Largest distance of the first loss from ln 2. In bf16 ln 2 itself is rounded by 0.0017, and kernels of the two passes
may round differently."""


def check_loss(trainer: Any) -> None:
    """For the plugin's `post_trainer_create`: check that the loss is the preference alone, on adapters of its own.

    Args:
        trainer: TRL's DPOTrainer.

    Raises:
        WrongReference: If a router's balancing loss is added, the reference is another model, or an adapter more.
    """
    if trainer.router_aux_loss_coef != 0:
        raise WrongReference(
            f"router_aux_loss_coef={trainer.router_aux_loss_coef} adds the experts' balancing loss to the preference "
            "loss, whose first value would not be ln 2; 0 is needed. Remove the plugin or key that sets it."
        )
    if trainer.ref_model is not None:
        raise WrongReference(
            "the reference is a model of its own, not this one without its adapters; use the lora arm."
        )
    if (adapters := sorted(trainer.model.peft_config)) != ["default"]:
        raise WrongReference(
            f"the model has the adapters {', '.join(adapters)}, but only the one to be trained may be there. Merge the "
            "adapter of an earlier training into the base first."
        )


def pairs_weight(pairs_per_rank: int, settings: Settings) -> float:
    """How much more each pair of the last step weighs, since the step's filler pairs weigh nothing.

    Args:
        pairs_per_rank: Pairs of a step that one rank takes.
        settings: The run's.
    """
    n_pairs = pairs_per_rank * world_size()
    return n_pairs / (n_pairs - settings.n_filler_rows)


def mean_of_real_pairs(loss: torch.Tensor, completion_mask: torch.Tensor, weight: float) -> torch.Tensor:
    """Take the filler pairs out of a forward pass's mean loss: theirs is ln 2, a constant.

    The mean over the step's passes and ranks is then the mean over its real pairs.

    Args:
        loss: Mean over the pairs of the pass.
        completion_mask: (2 n_pairs, n_tokens), 1 where an answer's token is: first the better answers, then the others.
        weight: From `pairs_weight`.
    """
    is_filler = ~completion_mask.bool().any(dim=1)
    return (loss - is_filler.float().mean() * math.log(2)) * weight


def leave_base_unsaved(model: Any) -> None:
    """For the plugin's `post_train`: keep axolotl from saving the base's weights beside the adapter.

    Source: axolotl 0.19, `save_trained_model` in axolotl/train.py, which saves the trainer's model and then its own.

    Args:
        model: With its adapter; a model without one is left as it is.
    """
    if hasattr(model, "get_base_model"):
        model.get_base_model().save_pretrained = lambda *args, **kwargs: None


class FirstLoss(StepCallback):
    """Ends a run whose first loss is not ln 2; a resumed run has had its first step.

    Args:
        bf16: Whether arithmetic is bf16.
    """

    def __init__(self, bf16: bool) -> None:
        self.tolerance = TOLERANCE["bf16" if bf16 else "fp32"]

    def on_step(self, state: Any, logs: dict[str, float]) -> None:
        """Compare.

        Raises:
            WrongReference: If it differs.
        """
        if state.global_step == 1 and not abs(logs["loss"] - math.log(2)) <= self.tolerance:
            raise WrongReference(
                f"the first preference loss is {logs['loss']:.8f}, not ln 2 = {math.log(2):.8f} within "
                f"{self.tolerance:g}: model and reference differ before the first step, or another term is added. "
                "Merge adapters of an earlier training into the base, and set the base's router loss to 0."
            )
