"""What a model's config says of it: causal or encoder, where its vector is read, and how many tokens it takes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.embed.config import EmbedConfig, Pooling
from tasks.forward.causal import is_causal
from tasks.forward.errors import UnusableModel
from tasks.schemas.artifacts import ModelFolder

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Architecture:
    """A model before its weights are loaded.

    Args:
        config: As transformers reads it.
        is_causal: Whether a token's state depends on earlier tokens only.
        pooling: Where a sentence's vector is read.
        context: Most tokens its positions allow, special tokens included; None if they set no bound.
    """

    config: "PretrainedConfig"
    is_causal: bool
    pooling: Pooling
    context: int | None

    def max_tokens(self, tokenizer: "PreTrainedTokenizerBase", wanted: int) -> int:
        """The smallest of what the recipe allows, the model's positions and the tokenizer's own limit."""
        return int(min(wanted, tokenizer.model_max_length, self.context or wanted))


def read_architecture(config: EmbedConfig, model: ModelFolder, *, runs_code: bool = False) -> Architecture:
    """Read a model's config and settle the pooling.

    Args:
        config: The wanted pooling.
        model: The model.
        runs_code: Whether the repository's own code may run in this process.

    Raises:
        UnusableModel: If transformers does not know the architecture, or it has no such state.
    """
    from transformers import AutoConfig

    import tasks.embed.chrono_gpt  # noqa: F401  # registers its classes

    try:
        found: PretrainedConfig = AutoConfig.from_pretrained(model.path, trust_remote_code=runs_code)
    except (ValueError, OSError) as error:
        raise UnusableModel(f"transformers does not read the model's config: {str(error).splitlines()[0][:300]}") from (
            error
        )
    causal = is_causal(found)
    pooling: Pooling = config.pooling if config.pooling != "auto" else "last" if causal else "mean"
    if causal and pooling == "class":
        raise UnusableModel(
            f"embed.pooling is 'class', and the first token of a causal model ({found.model_type}) sees no other: "
            "all sentences that start alike would have the same vector. Set it to auto, last or mean."
        )
    return Architecture(found, causal, pooling, _context(found, causal))


def _context(config: "PretrainedConfig", causal: bool) -> int | None:
    """Most tokens; some position tables (RoBERTa's) keep rows for the padding token, which only the module tells."""
    n_positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    if n_positions is None or n_positions <= 0:
        return None
    if causal or getattr(config, "auto_map", None):
        return int(n_positions)
    return int(n_positions) - _n_padding_positions(config, n_positions)


def _n_padding_positions(config: "PretrainedConfig", n_positions: int) -> int:
    import torch
    from transformers import AutoModel

    with torch.device("meta"):
        model = AutoModel.from_config(config, trust_remote_code=False)
    tables = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    return max(
        (
            table.padding_idx + 1
            for table in tables
            if table.num_embeddings == n_positions and table.padding_idx is not None
        ),
        default=0,
    )
