"""A sample of rows embedded a second time with other settings: numerical noise of the states."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from tasks.common.threads import torch_threads
from tasks.embed.config import EmbedConfig, Pooling, RepeatConfig
from tasks.embed.hidden_states import pooled_states
from tasks.embed.sentences import Sentences
from tasks.schemas.artifacts import Embeddings


def write_repeat(
    config: EmbedConfig,
    repeat: RepeatConfig,
    sentences: Sentences,
    load: Callable[..., Any],
    pooling: Pooling,
    folder: Path,
    n_at_a_time: int,
) -> dict[str, JsonValue]:
    """Write `repeat.npy`, `repeat_rows.npy` and `repeat.txt` beside the first states.

    Args:
        config: The settings of the first time.
        repeat: What differs the second time.
        sentences: The dated sentences.
        load: `load_headless` of the model; takes precision and attention.
        pooling: As the first time.
        folder: Holds `states.npy`.
        n_at_a_time: Batches computed side by side.

    Returns:
        Facts: the settings, and |second - first| / |first| over rows, largest and mean.
    """
    n_rows = len(sentences.of_row)
    drawn = np.random.default_rng(repeat.seed).choice(n_rows, min(repeat.n_rows, n_rows), replace=False)
    rows = np.sort(drawn).astype(np.int64)
    positions, of_row = np.unique(sentences.of_row[rows], return_inverse=True)
    model = load(precision=repeat.precision, attention=repeat.attention)
    with torch_threads(repeat.cpu_threads or config.cpu_threads, "embed again"):
        ids = [sentences.ids[position] for position in positions]
        tokens_per_batch = repeat.tokens_per_batch or config.tokens_per_batch
        second = pooled_states(model, ids, tokens_per_batch, pooling, n_at_a_time=n_at_a_time)[of_row]
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
