"""The loss of a step as the mean over all tokens it predicts, in all rows, forward passes and ranks.

Axolotl 0.19 takes the mean of the forward passes' means instead: it looks for `num_items_in_batch` among the named
parameters of the inner model's forward pass, does not find it, and tells transformers that the model does not accept
the number of tokens of a step; it also disables the count over ranks. A row of two tokens then weighs as much as one of
2,048, and a row without labels, which fills the last step of several ranks, makes the loss NaN.
Source: `AxolotlTrainer.__init__` in axolotl/core/trainers/base.py, `_set_base_training_args` in
axolotl/core/builders/base.py; `compute_loss` in transformers/trainer.py, 5.16.
"""

import inspect
from typing import Any

TRAINING_ARGS = {"average_tokens_across_devices": True}
"""For the plugin's `get_training_args`: tokens are counted over all ranks."""


class LossIgnoresTokenCount(RuntimeError):
    """A model whose loss does not accept the number of tokens of the step."""


def mean_over_tokens(trainer: Any) -> None:
    """For the plugin's `post_trainer_create`: pass the step's number of predicted tokens to the model's loss.

    Raises:
        LossIgnoresTokenCount: If the model's forward pass takes no further arguments for its loss.
    """
    model = getattr(trainer.model, "get_base_model", lambda: trainer.model)()
    parameters = inspect.signature(model.forward).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        raise LossIgnoresTokenCount(
            f"{type(model).__name__}.forward takes no further arguments, so that its loss is the mean of each forward "
            "pass; steps of unequal rows would weigh tokens unequally. Train a model that passes them to its loss."
        )
    trainer.model_accepts_loss_kwargs = True
