"""Comparing models by their logits on a few prompts."""

from dataclasses import dataclass

import numpy as np

from tasks.merge.errors import MergeDiffers, NothingMoved

NOISE = 8
"""Roundings of the largest logit below which a difference is arithmetic, not training; 1 to 4 were measured."""


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


def compare(base: list[np.ndarray], trained: list[np.ndarray], merged: list[np.ndarray], epsilon: float) -> Parity:
    """Largest distances between three models' logits on the same prompts.

    Args:
        base: Logits of the base.
        trained: Logits of what was trained.
        merged: Logits of the merged model, read back from its folder.
        epsilon: Relative rounding of the weights' number format.
    """
    largest = max(float(np.abs(logits).max()) for logits in (*base, *trained, *merged))
    return Parity(_distance(trained, base), _distance(merged, trained), NOISE * epsilon * largest)


def refuse_unmoved(parity: Parity, label: str) -> None:
    """Refuse a training that did nothing.

    Raises:
        NothingMoved: If no logit moved by more than rounding.
    """
    if not parity.moved > parity.noise:
        raise NothingMoved(
            f"training of {label} moves no logit of the probe prompts by more than {parity.moved:.3g}, rounding alone "
            f"gives {parity.noise:.3g}; a merge would publish the base again. Train on more tokens or with a higher "
            "learning rate."
        )


def refuse_difference(parity: Parity, tolerance: float, label: str, arm: str) -> None:
    """Refuse a merged model that is not the trained one.

    Args:
        parity: What was measured.
        tolerance: Share allowed: 0 for weights that are only copied.
        label: What the model is called.
        arm: `lora` or `full-weight`; they go wrong for other reasons.

    Raises:
        MergeDiffers: If the difference is more than the tolerated share of what training moved.
    """
    way_out = "Set merge.dtype to fp32: the base's number format rounds small changes away."
    if arm == "full-weight":
        way_out = (
            "Weights that are only copied must answer alike; run the merge again, and look at the disk if it recurs."
        )
    # What arithmetic alone may differ by is no fault of a fold; a copy has no arithmetic.
    allowed = max(tolerance * parity.moved, parity.noise) if arm == "lora" else tolerance * parity.moved
    # An infinite logit makes the noise infinite too.
    if not (np.isfinite(parity.difference) and parity.difference <= allowed):
        raise MergeDiffers(
            f"merged model of {label} differs from the trained one by {parity.difference:.3g} in a logit, more than "
            f"the {allowed:.3g} allowed of the {parity.moved:.3g} that training moved; it is not published. {way_out}"
        )


def _distance(left: list[np.ndarray], right: list[np.ndarray]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(left, right, strict=True))
