"""Embedding at Qwen3.5-35B-A3B's sizes on one GPU of 80 GB, random weights; at small size on any machine.

The large one has not run yet: this project's machines had no GPU. Its figures belong into docs/benchmarks.md.
"""

import time
from typing import Any

import numpy as np
import pytest
import torch

from tasks.embed.hidden_states import pooled_states
from tests.architectures import QWEN_35B
from tests.gpu.figures import needs_gpu, save_figures
from tests.gpu.random_model import SMALL_SIZE, peak_memory_gib, random_ids, random_model, where


def embed_rows(sizes: dict[str, int], device: str, n_rows: int, tokens_per_batch: int) -> dict[str, Any]:
    """Embed rows as long as the panel's sentences, by the code the embed stage runs.

    Returns:
        rows_per_second and tokens_per_second, the first batch apart, whether all states differ, and the machine.
    """
    causal = random_model(sizes, device, torch.bfloat16 if device == "cuda" else torch.float32)
    model = causal.get_decoder().eval()
    ids = [random_ids(sizes, 40 + row % 25, seed=row).tolist() for row in range(n_rows)]
    pooled_states(model, ids[:2], tokens_per_batch)
    started = time.perf_counter()
    states = pooled_states(model, ids, tokens_per_batch)
    seconds = time.perf_counter() - started
    return {
        "rows_per_second": n_rows / seconds,
        "tokens_per_second": sum(map(len, ids)) / seconds,
        "n_distinct": len(np.unique(states, axis=0)),
        "peak_memory_gib": peak_memory_gib(device),
    } | where(device)


def test_the_same_rows_are_embedded_at_small_size_without_a_gpu() -> None:
    assert embed_rows(SMALL_SIZE, "cpu", n_rows=8, tokens_per_batch=256)["n_distinct"] == 8


@needs_gpu
@pytest.mark.slow
def test_rows_are_embedded_at_true_size() -> None:
    figures = embed_rows(QWEN_35B, "cuda", n_rows=2_000, tokens_per_batch=65_536)
    save_figures("embed-true-size", figures)
    assert figures["n_distinct"] == 2_000
