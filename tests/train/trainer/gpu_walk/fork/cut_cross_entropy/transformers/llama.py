"""The forward pass that never calls the output layer."""

from typing import Any

from transformers.modeling_outputs import CausalLMOutputWithPast

from .utils import apply_lce

_PATCH_OPTS: Any = None


def cce_forward(self: Any, input_ids: Any = None, labels: Any = None, **kwargs: Any) -> Any:
    """As the fork's: the inner model, then the loss from `lm_head.weight`."""
    outputs = self.model(input_ids=input_ids, **kwargs)
    loss = apply_lce(outputs.last_hidden_state, self.lm_head.weight, labels, _PATCH_OPTS, **kwargs)
    return CausalLMOutputWithPast(loss=loss)
