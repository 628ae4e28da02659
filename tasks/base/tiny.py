"""A random Qwen3.5-MoE; the same seed gives the same bytes on every machine."""

from typing import TYPE_CHECKING

from tasks.base.config import TinySource
from tasks.base.errors import TooManyParameters

if TYPE_CHECKING:
    import numpy as np
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

MAX_OTHER_PARAMETERS = 1_000_000
"""Limit of parameters, without embedding and head."""
WEIGHT_STD = 0.02
"""Standard deviation of weights: the architecture's `initializer_range`."""
MAX_LOG_DECAY = 2.77
"""ln 16: largest log decay rate of Gated DeltaNet."""


def tiny_config(source: TinySource) -> "PretrainedConfig":
    """The architecture."""
    from transformers.models.qwen3_5_moe.configuration_qwen3_5_moe import Qwen3_5MoeTextConfig

    head = source.hidden // 2
    return Qwen3_5MoeTextConfig(
        vocab_size=source.vocabulary_size,
        hidden_size=source.hidden,
        num_hidden_layers=source.n_layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=head,
        linear_num_key_heads=2,
        linear_num_value_heads=2,
        linear_key_head_dim=head,
        linear_value_head_dim=head,
        num_experts=source.n_experts,
        num_experts_per_tok=2,
        moe_intermediate_size=source.expert_width,
        shared_expert_intermediate_size=source.expert_width,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
    )


def tiny_model(source: TinySource) -> "PreTrainedModel":
    """Build the model with random weights.

    Raises:
        TooManyParameters: If it has a million parameters or more, without embedding and head.
    """
    import torch
    from transformers import Qwen3_5MoeForCausalLM

    # The constructor draws from torch's global generator, whose state depends on threads and earlier draws.
    with torch.random.fork_rng(devices=[]):
        model = Qwen3_5MoeForCausalLM(tiny_config(source))
    _check_size(model, source)
    _draw_weights(model, source.seed)
    return model


def count_other_parameters(model: "PreTrainedModel") -> int:
    """Number of parameters, without embedding and head."""
    vocabulary = {id(model.get_input_embeddings().weight), id(model.get_output_embeddings().weight)}
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in vocabulary)


def _check_size(model: "PreTrainedModel", source: TinySource) -> None:
    n_other = count_other_parameters(model)
    if n_other >= MAX_OTHER_PARAMETERS:
        raise TooManyParameters(
            f"a tiny model of hidden={source.hidden}, n_layers={source.n_layers}, n_experts={source.n_experts}, "
            f"expert_width={source.expert_width} has {n_other:,} parameters besides its vocabulary; it must stay under "
            f"{MAX_OTHER_PARAMETERS:,}. Lower one of the four, or use a model of the hub."
        )


def _draw_weights(model: "PreTrainedModel", seed: int) -> None:
    import numpy as np
    import torch

    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if (values := _values(name, parameter, rng)) is not None:
                parameter.copy_(torch.from_numpy(values))


def _values(name: str, parameter: "torch.Tensor", rng: "np.random.Generator") -> "np.ndarray | None":
    # Uniform, not normal: scaling an integer draw rounds the same on every machine, a logarithm does not.
    uniform = rng.random(parameter.shape, dtype="float32")
    if name.endswith("A_log"):
        return uniform * MAX_LOG_DECAY
    if parameter.ndim < 2:
        # Norms and biases keep the architecture's constants.
        return None
    return (uniform * 2 - 1) * (WEIGHT_STD * 3**0.5)
