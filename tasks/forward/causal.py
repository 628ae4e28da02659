"""A causal language model and its tokenizer, for stages that read probabilities from it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.forward.errors import UnusableModel
from tasks.forward.load import check_whole, device_type, load_weights
from tasks.schemas.artifacts import ModelFolder

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

ANY_TEXT = "a"


def load_causal(folder: Path) -> "PreTrainedModel":
    """A causal language model: in fp32 on a CPU, in its own number format on a GPU.

    Raises:
        UnusableModel: If transformers does not load it, or its files lack weights.
    """
    from transformers import AutoModelForCausalLM

    device = device_type()
    model, missing = load_weights(AutoModelForCausalLM, folder, precision="fp32" if device == "cpu" else None)
    check_whole(model, model, missing)
    return model.eval().to(device)


def load_chat_tokenizer(model: ModelFolder, chat_template: str | None) -> "PreTrainedTokenizerBase":
    """The model's tokenizer, with another chat template if one is given.

    Raises:
        UnusableModel: If the model runs by code of its repository.
    """
    from transformers import AutoTokenizer

    check_no_code(model)
    tokenizer = AutoTokenizer.from_pretrained(model.path, trust_remote_code=False)
    tokenizer.chat_template = chat_template or tokenizer.chat_template
    return tokenizer


def check_no_code(model: ModelFolder) -> None:
    """Refuse a model that runs by code of its repository.

    Raises:
        UnusableModel: If it does.
    """
    if code := model.allowed_code():
        raise UnusableModel(f"the model runs by the code of {code}, which only the embed stage runs; take another one.")


def most_tokens(model: ModelFolder, tokenizer: "PreTrainedTokenizerBase", wanted: int) -> int:
    """The smallest of what the recipe allows, the tokenizer's own limit and the model's positions."""
    from transformers import AutoConfig

    positions = getattr(AutoConfig.from_pretrained(model.path).get_text_config(), "max_position_embeddings", None)
    return int(min(wanted, tokenizer.model_max_length, positions or wanted))


def leading_ids(tokenizer: "PreTrainedTokenizerBase") -> Sequence[int]:
    """Ids that the tokenizer puts before any text, such as the one that marks its beginning; none for many."""
    marked, plain = (tokenizer(ANY_TEXT, add_special_tokens=own)["input_ids"] for own in (True, False))
    n_leading = next((n for n in range(len(marked)) if marked[n : n + len(plain)] == plain), 0)
    return tuple(marked[:n_leading])


def is_causal(config: "PretrainedConfig") -> bool:
    """Whether transformers, or the model's own code, has a causal and no masked model; some are both, by a switch."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

    if config.is_encoder_decoder or getattr(config, "use_bidirectional_attention", None):
        return False
    if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and type(config) in MODEL_FOR_MASKED_LM_MAPPING:
        return bool(getattr(config, "is_decoder", False))
    return type(config) in MODEL_FOR_CAUSAL_LM_MAPPING or "AutoModelForCausalLM" in (
        getattr(config, "auto_map", None) or {}
    )


def check_predicts_tokens(model: ModelFolder) -> str:
    """Refuse a model that gives no probability of a next token. Reads its config, no weights.

    Returns:
        Name of the class that predicts.

    Raises:
        UnusableModel: If it is an encoder, or the project has it without its head, as ChronoGPT.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    check_no_code(model)
    try:
        config = AutoConfig.from_pretrained(model.path, trust_remote_code=False)
    except (ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0][:300].rstrip(".")
        raise UnusableModel(f"transformers has no language model for the model's config: {reason}.") from error
    kind = config.model_type
    if not is_causal(config):
        raise UnusableModel(f"a model of type {kind} is no causal language model: it has no probability of a text.")
    with torch.device("meta"):
        built = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    if built.get_output_embeddings() is None:
        raise UnusableModel(f"the model of type {kind} is read without its head, and has no probability of a text.")
    return type(built).__name__
