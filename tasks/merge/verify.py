"""Comparing models by their logits on a few prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.merge.errors import MergeDiffers, NothingMoved

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NOISE = 32
"""Roundings of the largest logit below which a difference is arithmetic, not training."""


@dataclass(frozen=True)
class Parity:
    """How far training moved the logits, and how far the merged model is from the trained one.

    Args:
        moved: max |trained - base|.
        difference: max |merged - trained|.
        noise: Bound below which neither means anything.
    """

    moved: float
    difference: float
    noise: float


def probe_logits(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", prompts: Sequence[str]
) -> list[np.ndarray]:
    """(n_tokens, vocabulary) float32 logits of each prompt, one at a time, so that no padding takes part."""
    import torch

    def logits(prompt: str) -> np.ndarray:
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"].to(model.device)
        answer: np.ndarray = model(input_ids=ids, use_cache=False).logits[0].float().cpu().numpy()
        return answer

    model.eval()
    with torch.inference_mode():
        return [logits(prompt) for prompt in prompts]


def compare(base: list[np.ndarray], trained: list[np.ndarray], merged: list[np.ndarray], epsilon: float) -> Parity:
    """Largest distances between three models' logits on the same prompts.

    Args:
        base: Logits of the base.
        trained: Logits of base and adapter.
        merged: Logits of the merged model, read back from its folder.
        epsilon: Relative rounding of the weights' number format.
    """
    largest = max(float(np.abs(logits).max()) for logits in base)
    return Parity(_distance(trained, base), _distance(merged, trained), NOISE * epsilon * largest)


def refuse_unmoved(parity: Parity, label: str) -> None:
    """Refuse an adapter that does nothing.

    Raises:
        NothingMoved: If no logit moved by more than rounding.
    """
    if not parity.moved > parity.noise:
        raise NothingMoved(
            f"adapter of {label} moves no logit of the probe prompts by more than {parity.moved:.3g}, rounding alone "
            f"gives {parity.noise:.3g}; a merge would publish the base again. Train on more tokens or with a higher "
            "learning rate."
        )


def refuse_difference(parity: Parity, tolerance: float, label: str) -> None:
    """Refuse a merged model that is not the trained one.

    Raises:
        MergeDiffers: If the difference is more than the tolerated share of what training moved.
    """
    if not parity.difference <= tolerance * parity.moved:
        raise MergeDiffers(
            f"merged model of {label} differs from base and adapter by {parity.difference:.3g} in a logit, more than "
            f"tolerance={tolerance:g} of the {parity.moved:.3g} that training moved; it is not published. "
            "Look for targets the merge did not fold, or merge in a wider number format."
        )


def _distance(left: list[np.ndarray], right: list[np.ndarray]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(left, right, strict=True))
