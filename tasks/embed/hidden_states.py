"""Hidden states at the last token, computed in batches of sentences of similar length."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.common.progress import Progress
from tasks.embed.errors import StateNotFinite

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_headless(folder: Path) -> "PreTrainedModel":
    """Load a causal model's decoder without the head, on a GPU if there is one.

    Logits over 248,320 tokens would take more memory, and for a small model more time, than the states. The decoder is
    taken from the causal model, so that a multimodal base and its merged model run the same code.
    """
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    causal = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", trust_remote_code=False, use_safetensors=True)
    headless: PreTrainedModel = causal.get_decoder()
    return headless.eval().to(device)


def last_token_states(model: "PreTrainedModel", ids: Sequence[Sequence[int]], tokens_per_batch: int) -> np.ndarray:
    """Compute the last layer's state at each row's last token.

    Args:
        model: Causal model without its head.
        ids: Token ids of each row.
        tokens_per_batch: Limit of a batch, padding included.

    Returns:
        (n_rows, hidden) float32, in the order of `ids`.

    Raises:
        StateNotFinite: If a state holds NaN or infinity.
    """
    states = np.empty((len(ids), 0), dtype=np.float32)
    progress = Progress("embed", len(ids), "rows")
    for rows in batch_by_length([len(row) for row in ids], tokens_per_batch):
        batch = _batch_states(model, [ids[row] for row in rows])
        if not states.size:
            # The last width may differ from the config's hidden_size, as OPT-350m's does.
            states = np.empty((len(ids), batch.shape[1]), dtype=np.float32)
        states[rows] = batch
        progress.add(len(rows))
    finite = np.isfinite(states).all(axis=1)
    if not finite.all():
        raise StateNotFinite(
            f"{(~finite).sum()} of {len(states)} rows have a state that is NaN or infinite, row "
            f"{int(finite.argmin())} first. The model is broken or its number format too narrow; "
            "look at the merge's facts."
        )
    return states


def batch_by_length(lengths: Sequence[int], tokens_per_batch: int) -> list[np.ndarray]:
    """Group rows of similar length, longest first, so that a lack of memory shows in the first batch.

    Args:
        lengths: Tokens of each row, at least 1.
        tokens_per_batch: Limit of rows times longest row; a batch of one row may exceed it.

    Returns:
        Row indices of each batch; every row is in one.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    batches, start = [], 0
    while start < len(order):
        n_rows = max(1, tokens_per_batch // lengths[order[start]])
        batches.append(order[start : start + n_rows])
        start += n_rows
    return batches


def pad_right(ids: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Pad rows on the right, where a causal model's earlier tokens do not see it.

    Returns:
        (n_rows, n_longest) int64 ids, padded with 0, and mask.
    """
    mask = np.arange(max(map(len, ids))) < np.array([[len(row)] for row in ids])
    padded = np.zeros(mask.shape, dtype=np.int64)
    padded[mask] = np.concatenate(ids)
    return padded, mask.astype(np.int64)


def _batch_states(model: "PreTrainedModel", ids: list[Sequence[int]]) -> np.ndarray:
    import torch

    padded, mask = pad_right(ids)
    last = torch.from_numpy(mask.sum(axis=1) - 1)
    with torch.inference_mode():
        hidden = model(
            input_ids=torch.from_numpy(padded).to(model.device),
            attention_mask=torch.from_numpy(mask).to(model.device),
            use_cache=False,
        ).last_hidden_state
        states: np.ndarray = hidden[torch.arange(len(ids)), last.to(hidden.device)].float().cpu().numpy()
    return states
