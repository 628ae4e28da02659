"""Part `embedding`: sentences per second by the code that the embed stage runs, at true size."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from tasks.costs.hardware import find_gpu
from tasks.embed.hidden_states import pooled_states
from tasks.forward.load import device_type
from tasks.gpu_trial.schema import Findings, Size
from tasks.gpu_trial.sizes import SIZES
from tasks.schemas.artifacts import Check
from tasks.train.estimates.sizes import Sizes, sizes_of

N_SENTENCES: dict[Size, int] = {"small": 24, "full": 30_000}
CHUNK: dict[Size, int] = {"small": 8, "full": 2_000}
"""Sentences between two looks at the clock."""
MEASURING_SECONDS = 60.0
AIM_SECONDS, AIM_MFU = 40.0, 0.4
TOKENS_PER_BATCH = 65_536


def embedding(size: Size, work: Path) -> Findings:
    """Embed rows of 40 to 64 tokens, as long as the panel's sentences, until all are done or the time is over."""
    import torch

    from tasks.gpu_trial.inside.random_model import architecture, peak_memory_gib, random_ids, random_model, where

    device = device_type()
    model = (
        random_model(SIZES[size], device, torch.bfloat16 if device == "cuda" else torch.float32).get_decoder().eval()
    )
    ids = [random_ids(SIZES[size], 40 + row % 25, seed=row).tolist() for row in range(N_SENTENCES[size])]
    started = time.perf_counter()
    pooled_states(model, ids[: CHUNK[size]], TOKENS_PER_BATCH)
    first_seconds = time.perf_counter() - started
    states, seconds = timed(model, ids, CHUNK[size])
    n_tokens = sum(map(len, ids[: len(states)]))
    machine = where(device)
    figures = {
        "n_sentences": len(states),
        "n_distinct": len(np.unique(states, axis=0)),
        "n_tokens": n_tokens,
        "first_chunk_seconds": first_seconds,
        "seconds": seconds,
        "tokens_per_second": n_tokens / seconds,
        "seconds_of_30_000": seconds * 30_000 / len(states),
        "mfu": embedding_mfu(sizes_of(architecture(SIZES[size])), n_tokens / seconds, machine["device"]),
        "peak_memory_gib": peak_memory_gib(device),
    }
    return Findings(figures=figures | machine, checks=tuple(_checks(figures, device)))


def timed(model: Any, ids: list[list[int]], chunk: int) -> tuple[np.ndarray, float]:
    """(n_done, hidden) states of the first rows, and the seconds they took."""
    done, started = [], time.perf_counter()
    for start in range(0, len(ids), chunk):
        done.append(pooled_states(model, ids[start : start + chunk], TOKENS_PER_BATCH))
        if time.perf_counter() - started > MEASURING_SECONDS:
            break
    return np.concatenate(done), time.perf_counter() - started


def embedding_mfu(sizes: Sizes, tokens_per_second: float, gpu_name: str) -> float | None:
    """Share of a GPU's bf16 peak: two operations per token and active parameter, the head's left out."""
    gpu = find_gpu(gpu_name)
    n_used = sizes.n_active - sizes.by_group.get("head", 0)
    return tokens_per_second * 2 * n_used / gpu.bf16_flops if gpu else None


def _checks(figures: dict[str, Any], device: str) -> list[Check]:
    distinct = Check(
        name="states",
        passed=figures["n_distinct"] == figures["n_sentences"],
        value=f"{figures['n_distinct']:,} distinct of {figures['n_sentences']:,}",
        bound="all differ",
        way_out="Rows of a batch get each other's states: do not embed on this GPU.",
    )
    if device == "cpu":
        return [distinct]
    way_out = (
        "Without flash-linear-attention the pipeline's environment computes the DeltaNet by PyTorch's operations: "
    )
    way_out += "install it there, or raise embed.tokens_per_batch."
    share, seconds = figures["mfu"], figures["seconds_of_30_000"]
    return [
        distinct,
        Check(
            name="30,000 sentences",
            passed=seconds <= AIM_SECONDS,
            value=f"{seconds:.0f} s",
            bound=f"at most {AIM_SECONDS:g} s",
            way_out=way_out,
        ),
        Check(
            name="MFU",
            passed=share is not None and share >= AIM_MFU,
            value="unknown" if share is None else f"{share:.1%}",
            bound=f"at least {AIM_MFU:.0%}",
            way_out=way_out,
        ),
    ]
