"""The loss, from hidden states and the output layer's weight."""

from typing import Any

import torch
from torch.nn import functional


def linear_cross_entropy(
    e: torch.Tensor, c: torch.Tensor, targets: torch.Tensor, *, shift: bool, reduction: str, **options: Any
) -> torch.Tensor:
    """Cross entropy of e @ c.T, with the labels shifted by one."""
    assert shift
    logits = (e[:, :-1].float() @ c.float().T).flatten(0, 1)
    return functional.cross_entropy(logits, targets[:, 1:].flatten(), reduction=reduction)


def apply_lce(e: torch.Tensor, c: torch.Tensor, labels: torch.Tensor, opts: Any, **loss_kwargs: Any) -> torch.Tensor:
    """The sum over the step's number of tokens where it is given, else the mean."""
    n_items = loss_kwargs.get("num_items_in_batch")
    reduction = "mean" if n_items is None else "sum"
    loss = linear_cross_entropy(e, c, labels, bias=None, shift=True, softcap=None, reduction=reduction)
    return loss if n_items is None else loss / n_items
