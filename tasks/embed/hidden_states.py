"""One state per sentence, computed in batches of sentences of similar length."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.common.threads import Workers
from tasks.embed.architecture import Architecture
from tasks.embed.config import Pooling
from tasks.embed.errors import StateNotFinite
from tasks.forward.batches import in_batches, pad_right
from tasks.forward.load import Attention, Precision, check_whole, device_type, load_weights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

ONE_WORKER = Workers()


def load_headless(
    folder: Path,
    architecture: Architecture | None = None,
    *,
    runs_code: bool = False,
    precision: Precision | None = None,
    attention: Attention | None = None,
) -> "PreTrainedModel":
    """Load a causal model's decoder or an encoder without the head, on a GPU if there is one.

    Logits over 248,320 tokens would take more memory, and for a small model more time, than the states. The decoder is
    taken from the causal model, so that a multimodal base and its merged model run the same code.

    Args:
        folder: A ModelFolder.
        architecture: What its config says; None for a causal model.
        runs_code: As of `read_architecture`.
        precision: Number format; None for the model's own.
        attention: Its implementation; None for the one transformers chooses.

    Raises:
        UnusableModel: If transformers does not load it so, or weights that the states pass are missing.
    """
    from transformers import AutoModel, AutoModelForCausalLM

    is_causal = architecture is None or architecture.is_causal
    loaded, missing = load_weights(
        AutoModelForCausalLM if is_causal else AutoModel,
        folder,
        precision=precision,
        attention=attention,
        runs_code=runs_code,
    )
    headless: PreTrainedModel = loaded
    if is_causal:
        headless = loaded.get_decoder()
    elif loaded.config.is_encoder_decoder:
        headless = loaded.get_encoder()
    check_whole(loaded, headless, missing)
    return headless.eval().to(device_type())


def pooled_states(
    model: "PreTrainedModel",
    ids: Sequence[Sequence[int]],
    tokens_per_batch: int,
    pooling: Pooling = "last",
    workers: Workers = ONE_WORKER,
) -> np.ndarray:
    """Compute a state of the last layer for each row.

    Args:
        model: Model without its head.
        ids: Token ids of each row.
        tokens_per_batch: Limit of a batch, padding included.
        pooling: At the last token, at the first, or the mean over all.
        workers: Compute the batches; their number changes no bit.

    Returns:
        (n_rows, hidden) float32, in the order of `ids`.

    Raises:
        StateNotFinite: If a state holds NaN or infinity.
    """
    states = np.empty((len(ids), 0), dtype=np.float32)
    lengths = [len(row) for row in ids]
    for rows, batch in in_batches(
        lambda rows: _batch_states(model, [ids[row] for row in rows], pooling),
        lengths,
        tokens_per_batch,
        workers,
        "embed",
    ):
        if not states.size:
            # The last width may differ from the config's hidden_size, as OPT-350m's does.
            states = np.empty((len(ids), batch.shape[1]), dtype=np.float32)
        states[rows] = batch
    finite = np.isfinite(states).all(axis=1)
    if not finite.all():
        raise StateNotFinite(
            f"{(~finite).sum()} of {len(states)} distinct sentences have a state that is NaN or infinite, number "
            f"{int(finite.argmin())} first. The model is broken or its number format too narrow; of a model that was "
            "merged here, look at the merge's facts."
        )
    return states


def _batch_states(model: "PreTrainedModel", ids: list[Sequence[int]], pooling: Pooling) -> np.ndarray:
    import torch

    padded, mask = pad_right(ids)
    # A causal model keeps a cache for later tokens unless told otherwise; encoders have no such argument.
    options = {"use_cache": False} if getattr(model.config, "use_cache", None) is not None else {}
    with torch.inference_mode():
        hidden = model(
            input_ids=torch.from_numpy(padded).to(model.device),
            attention_mask=torch.from_numpy(mask).to(model.device),
            **options,
        ).last_hidden_state
        states: np.ndarray = _pool(hidden, torch.from_numpy(mask).to(hidden.device), pooling).cpu().numpy()
    return states


def _pool(hidden: "torch.Tensor", mask: "torch.Tensor", pooling: Pooling) -> "torch.Tensor":
    import torch

    if pooling == "class":
        return hidden[:, 0].float()
    if pooling == "mean":
        weights = mask[..., None].float()
        return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1)
    return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1) - 1].float()
