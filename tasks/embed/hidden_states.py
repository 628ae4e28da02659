"""One state per sentence, computed in batches of sentences of similar length."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.common.progress import Progress
from tasks.common.threads import Workers
from tasks.embed.architecture import Architecture
from tasks.embed.config import Attention, Pooling, Precision
from tasks.embed.errors import StateNotFinite, UnusableModel

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

DTYPES = {"bf16": "bfloat16", "fp32": "float32"}
ONE_WORKER = Workers()
POOLER = "pooler."
"""Weights of a layer after the last state, which many encoders' checkpoints lack and no state here passes."""


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
    import torch
    from transformers import AutoModel, AutoModelForCausalLM

    is_causal = architecture is None or architecture.is_causal
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        loaded, report = (AutoModelForCausalLM if is_causal else AutoModel).from_pretrained(
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
            f"{attention or 'of its own'}: {reason}. Choose others in embed.repeat, or another model."
        ) from error
    headless: PreTrainedModel = loaded
    if is_causal:
        headless = loaded.get_decoder()
    elif loaded.config.is_encoder_decoder:
        headless = loaded.get_encoder()
    _check_whole(loaded, headless, report["missing_keys"])
    return headless.eval().to(device)


def _check_whole(loaded: "PreTrainedModel", headless: "PreTrainedModel", missing: set[str]) -> None:
    """Transformers draws missing weights at random, with a warning."""
    passed = {id(tensor) for tensor in headless.state_dict(keep_vars=True).values()}
    tensors = loaded.state_dict(keep_vars=True)
    absent = sorted(
        name for name in missing if not name.startswith(POOLER) and name in tensors and id(tensors[name]) in passed
    )
    if absent:
        raise UnusableModel(
            f"the model's files lack {len(absent)} weights, {absent[0]} first, which would be random numbers. Check "
            "that its config.json belongs to its weights."
        )


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
    progress = Progress("embed", len(ids), "rows")
    batches = batch_by_length([len(row) for row in ids], tokens_per_batch)
    with workers.pool() as pool:
        computed = pool.map(lambda rows: _batch_states(model, [ids[row] for row in rows], pooling), batches)
        for rows, batch in zip(batches, computed, strict=True):
            if not states.size:
                # The last width may differ from the config's hidden_size, as OPT-350m's does.
                states = np.empty((len(ids), batch.shape[1]), dtype=np.float32)
            states[rows] = batch
            progress.add(len(rows))
    finite = np.isfinite(states).all(axis=1)
    if not finite.all():
        raise StateNotFinite(
            f"{(~finite).sum()} of {len(states)} distinct sentences have a state that is NaN or infinite, number "
            f"{int(finite.argmin())} first. The model is broken or its number format too narrow; of a model that was "
            "merged here, look at the merge's facts."
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
    """Pad rows on the right, where a causal model's earlier tokens do not see it and an encoder's mask hides it.

    Returns:
        (n_rows, n_longest) int64 ids, padded with 0, and mask.
    """
    mask = np.arange(max(map(len, ids))) < np.array([[len(row)] for row in ids])
    padded = np.zeros(mask.shape, dtype=np.int64)
    padded[mask] = np.concatenate(ids)
    return padded, mask.astype(np.int64)


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
