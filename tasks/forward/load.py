"""A model as transformers loads it, with every weight that is used."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tasks.forward.errors import UnusableModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Precision = Literal["bf16", "fp32"]
Attention = Literal["eager", "sdpa", "flash_attention_2"]
DTYPES: dict[Precision, str] = {"bf16": "bfloat16", "fp32": "float32"}
POOLER = "pooler."
"""Weights of a layer after the last state, which many encoders' checkpoints lack and nothing here passes."""


def device_type() -> Literal["cuda", "cpu"]:
    """Where models compute: on a GPU if there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def load_weights(
    auto_class: Any,
    folder: Path,
    *,
    precision: Precision | None = None,
    attention: Attention | None = None,
    runs_code: bool = False,
) -> "tuple[PreTrainedModel, set[str]]":
    """Load a model by one of transformers' auto classes, on the CPU.

    Args:
        auto_class: Such as AutoModelForCausalLM.
        folder: A ModelFolder.
        precision: Number format; None for the model's own.
        attention: Its implementation; None for the one transformers chooses.
        runs_code: Whether the repository's own code may run in this process.

    Returns:
        The model, and the names of the weights that its files lack.

    Raises:
        UnusableModel: If transformers does not load it so.
    """
    import torch

    try:
        loaded, report = auto_class.from_pretrained(
            folder,
            dtype=getattr(torch, DTYPES[precision]) if precision else "auto",
            attn_implementation=attention,
            trust_remote_code=runs_code,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (ValueError, ImportError) as error:
        reason = str(error).strip().splitlines()[0][:300].rstrip(".")
        raise UnusableModel(
            f"transformers does not load the model with precision {precision or 'of its own'} and attention "
            f"{attention or 'of its own'}: {reason}. Choose another precision or attention, or another model."
        ) from error
    return loaded, report["missing_keys"]


def check_whole(loaded: "PreTrainedModel", used: "PreTrainedModel", missing: set[str]) -> None:
    """Refuse a model that would compute with random weights: transformers draws missing ones, with a warning.

    Args:
        loaded: What was loaded.
        used: The part of it that computes.
        missing: Names of the weights that its files lack.

    Raises:
        UnusableModel: If the part has one of them.
    """
    passed = {id(tensor) for tensor in used.state_dict(keep_vars=True).values()}
    tensors = loaded.state_dict(keep_vars=True)
    absent = sorted(
        name for name in missing if not name.startswith(POOLER) and name in tensors and id(tensors[name]) in passed
    )
    if absent:
        raise UnusableModel(
            f"the model's files lack {len(absent)} weights, {absent[0]} first, which would be random numbers. Check "
            "that its config.json belongs to its weights."
        )
