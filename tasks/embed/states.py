"""Last-token states of sentences."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.embed.batches import batch_by_length, pad_right
from tasks.embed.errors import StateNotFinite

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 10


def load_headless(folder: Path) -> "PreTrainedModel":
    """Load a model without its head, on a GPU if there is one.

    Logits over a vocabulary of 248,320 would cost more than the states themselves, in memory and, for a small model,
    in time. The decoder is taken out of the causal model, so that a base that was multimodal and its merged child run
    the same code.
    """
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    causal = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", trust_remote_code=False, use_safetensors=True)
    headless: PreTrainedModel = causal.get_decoder()
    return headless.eval().to(device)


def last_token_states(model: "PreTrainedModel", ids: Sequence[Sequence[int]], tokens_per_batch: int) -> np.ndarray:
    """States of the last layer at each row's last real token.

    Args:
        model: Headless causal model.
        ids: Token ids of each row.
        tokens_per_batch: Bound on a batch, padding included.

    Returns:
        (n_rows, hidden) float32, in the order of `ids`.

    Raises:
        StateNotFinite: If a state holds NaN or infinity.
    """
    states = np.empty((len(ids), model.config.hidden_size), dtype=np.float32)
    batches = batch_by_length([len(row) for row in ids], tokens_per_batch)
    started = reported = time.monotonic()
    n_done = 0
    for rows in batches:
        states[rows] = _batch_states(model, [ids[row] for row in rows])
        n_done += len(rows)
        if (now := time.monotonic()) - reported >= PROGRESS_SECONDS or n_done == len(ids):
            log.info("embed: row %d of %d, %.0f rows/s", n_done, len(ids), n_done / (now - started))
            reported = now
    _refuse_infinite(states)
    return states


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


def _refuse_infinite(states: np.ndarray) -> None:
    finite = np.isfinite(states).all(axis=1)
    if not finite.all():
        raise StateNotFinite(
            f"{(~finite).sum()} of {len(states)} rows have a state that is NaN or infinite, row "
            f"{int(finite.argmin())} first. The model is broken or its number format too narrow; "
            "look at the merge's facts."
        )
