"""A model's sizes, counted on the meta device: no weight is loaded."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tasks.train.trainer.weight_groups import group_of

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class Sizes:
    """Sizes that determine memory and arithmetic.

    Args:
        model_type: As in config.json.
        by_group: Parameters by group.
        n_layers: Decoder layers.
        n_largest_layer: Parameters of the largest decoder layer.
        hidden: Width of the residual stream.
        state_width: Width of the last states, which the head takes; OPT-350m's is not `hidden`.
        vocabulary: Rows of the embedding.
        n_experts: Routed experts per layer; 1 where a layer has none.
        n_experts_per_token: Of them, how many take a token.
    """

    model_type: str
    by_group: Mapping[str, int]
    n_layers: int
    n_largest_layer: int
    hidden: int
    state_width: int
    vocabulary: int
    n_experts: int
    n_experts_per_token: int

    @property
    def n_parameters(self) -> int:
        """All of them, tied ones once."""
        return sum(self.by_group.values())

    @property
    def n_vocabulary(self) -> int:
        """Parameters of embedding and head."""
        return self.by_group.get("embedding", 0) + self.by_group.get("head", 0)

    @property
    def n_routed_per_layer(self) -> int:
        """Parameters of one layer's routed experts."""
        return self.by_group.get("routed_experts", 0) // self.n_layers

    @property
    def n_active(self) -> int:
        """Parameters that multiply a token: all but the embedding, which is a look-up, and the experts not chosen."""
        routed = self.by_group.get("routed_experts", 0)
        idle = routed - routed * self.n_experts_per_token // self.n_experts
        # A tied embedding is the head too, and multiplies.
        looked_up = self.by_group.get("embedding", 0) if "head" in self.by_group else 0
        return self.n_parameters - looked_up - idle


def read_sizes(config_dir: Path) -> Sizes:
    """Sizes of a model folder, from its config.json alone."""
    from transformers import AutoConfig

    return sizes_of(AutoConfig.from_pretrained(config_dir, trust_remote_code=False))


def sizes_of(architecture: "PretrainedConfig") -> Sizes:
    """Sizes of an architecture."""
    text, model = architecture.get_text_config(), model_on_meta(architecture)
    n_values = {name: parameter.numel() for name, parameter in model.named_parameters()}
    by_layer = Counter[str]()
    for name, size in n_values.items():
        before, layers, after = name.partition(".layers.")
        by_layer[f"{before}{layers}{after.split('.')[0]}" if layers else ""] += size
    del by_layer[""]
    by_group = Counter[str]()
    for name, size in n_values.items():
        by_group[group_of(name)] += size
    return Sizes(
        model_type=architecture.model_type,
        by_group=MappingProxyType(dict(by_group)),
        n_layers=text.num_hidden_layers,
        n_largest_layer=max(by_layer.values()),
        hidden=text.hidden_size,
        state_width=model.get_output_embeddings().weight.shape[1],
        vocabulary=text.vocab_size,
        n_experts=getattr(text, "num_experts", None) or 1,
        n_experts_per_token=getattr(text, "num_experts_per_tok", None) or 1,
    )


def model_on_meta(architecture: "PretrainedConfig") -> Any:
    """The model with parameters that have shapes but no values."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(architecture, trust_remote_code=False)
