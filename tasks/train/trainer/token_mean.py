"""The loss of a step as the mean over all tokens it predicts, whatever rows, forward passes and ranks they lie in.

Axolotl 0.19 takes the mean of the forward passes' means instead: it looks for `num_items_in_batch` among the named
parameters of the inner model's forward pass, finds none, and tells transformers that the model cannot be told how many
tokens a step has; and it switches the count over ranks off. A row of two tokens then weighs as much as one of 2,048,
and a row without labels, which fills the last step of several ranks, makes the loss NaN.

This file runs in the trainer's environment: it imports neither Prefect nor the rooms' configs.
Source: `AxolotlTrainer.__init__` in axolotl/core/trainers/base.py, `_set_base_training_args` in
axolotl/core/builders/base.py; `compute_loss` in transformers/trainer.py, 5.16.
"""

import inspect
from typing import Any

TRAINING_ARGS = {"average_tokens_across_devices": True}
"""For the plugin's `get_training_args`: tokens are counted over all ranks."""


class LossIsNotToldTheTokens(RuntimeError):
    """A model whose loss cannot be told how many tokens the step has."""


def mean_over_tokens(trainer: Any) -> None:
    """For the plugin's `post_trainer_create`: hand the step's number of predicted tokens to the model's loss.

    Raises:
        LossIsNotToldTheTokens: If the model's forward pass takes no further arguments to hand on to its loss.
    """
    model = getattr(trainer.model, "get_base_model", lambda: trainer.model)()
    parameters = inspect.signature(model.forward).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        raise LossIsNotToldTheTokens(
            f"{type(model).__name__}.forward takes no further arguments, so that its loss is the mean of each forward "
            "pass; steps of unequal rows would weigh tokens unequally. Train a model that hands them on to its loss."
        )
    trainer.model_accepts_loss_kwargs = True
