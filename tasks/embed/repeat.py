"""A sample of rows embedded a second time with other settings: numerical noise of the states."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from tasks.common.threads import side_by_side
from tasks.embed.architecture import Architecture
from tasks.embed.chrono_gpt import ChronoGPTConfig
from tasks.embed.config import EmbedConfig, Pooling, RepeatConfig
from tasks.embed.hidden_states import ONE_WORKER, pooled_states
from tasks.embed.sentences import Sentences
from tasks.forward.errors import UnusableModel
from tasks.schemas.artifacts import Embeddings


def check_repeat(repeat: RepeatConfig, architecture: Architecture, device: str) -> None:
    """Refuse a repeat that this model and machine cannot do, before the first states are computed.

    Raises:
        UnusableModel: If the model ignores what differs, or the machine lacks the implementation of attention.
    """
    from transformers.utils import is_flash_attn_2_available

    if isinstance(architecture.config, ChronoGPTConfig) and (repeat.precision or repeat.attention):
        raise UnusableModel(
            "ChronoGPT computes in bf16 with torch's attention whatever embed.repeat says, so that a repeat with "
            "another precision or attention would show no noise; set tokens_per_batch or cpu_threads there."
        )
    if repeat.attention == "flash_attention_2" and (device == "cpu" or not is_flash_attn_2_available()):
        raise UnusableModel(
            f"embed.repeat.attention is flash_attention_2, and this machine (device {device}) has no flash-attn that "
            "transformers can use; set eager or sdpa, or install flash-attn on the pool's machines."
        )


def write_repeat(
    config: EmbedConfig,
    repeat: RepeatConfig,
    sentences: Sentences,
    load: Callable[..., Any],
    pooling: Pooling,
    folder: Path,
    at_most: int | None,
) -> dict[str, JsonValue]:
    """Write `repeat.npy`, `repeat_rows.npy` and `repeat.txt` beside the first states.

    Args:
        config: The settings of the first time.
        repeat: What differs the second time.
        sentences: The dated sentences.
        load: `load_headless` of the model; takes precision and attention.
        pooling: As the first time.
        folder: Holds `states.npy`.
        at_most: Bound on the batches computed side by side.

    Returns:
        Facts: the settings, and |second - first| / |first| over rows, largest and mean.
    """
    n_rows = len(sentences.of_row)
    drawn = np.random.default_rng(repeat.seed).choice(n_rows, min(repeat.n_rows, n_rows), replace=False)
    rows = np.sort(drawn).astype(np.int64)
    positions, of_row = np.unique(sentences.of_row[rows], return_inverse=True)
    model = load(precision=repeat.precision, attention=repeat.attention)
    n_threads = repeat.cpu_threads or config.cpu_threads
    workers = side_by_side(n_threads, "embed again", at_most) if model.device.type == "cpu" else ONE_WORKER
    ids = [sentences.ids[position] for position in positions]
    second = pooled_states(model, ids, repeat.tokens_per_batch or config.tokens_per_batch, pooling, workers)[of_row]
    (folder / "repeat.txt").write_text(f"{repeat.differs}\n")
    np.save(folder / "repeat.npy", second)
    np.save(folder / "repeat_rows.npy", rows)
    first = Embeddings(folder).states()[rows]
    spread = np.linalg.norm(second - first, axis=1) / np.linalg.norm(first, axis=1).clip(min=np.finfo(np.float32).tiny)
    return {
        **repeat.model_dump(mode="json"),
        "n_rows": len(rows),
        "largest_relative_difference": float(spread.max()),
        "mean_relative_difference": float(spread.mean()),
    }
