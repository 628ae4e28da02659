"""Embed a panel's sentences with one model."""

import time
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from tasks.artifacts import ModelFolder, Panel
from tasks.embed.batches import refuse_unusable
from tasks.embed.config import EmbedConfig
from tasks.embed.states import last_token_states, load_headless


def write_states(config: EmbedConfig, panel: Panel, model: ModelFolder, folder: Path) -> dict[str, JsonValue]:
    """Leave an Embeddings' file in `folder`.

    Args:
        config: Batching and bounds.
        panel: Its `prompt` column, in its row order.
        model: Causal language model with its tokenizer.
        folder: Empty folder.

    Returns:
        Facts for the record.

    Raises:
        EmbedError: If a sentence cannot be used or a state is not finite.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model.path, trust_remote_code=False)
    prompts = panel.rows()["prompt"].tolist()
    ids = tokenizer(prompts, add_special_tokens=False, verbose=False)["input_ids"]
    lengths = [len(row) for row in ids]
    refuse_unusable(lengths, config.max_tokens)
    headless = load_headless(model.path)
    started = time.monotonic()
    states = last_token_states(headless, ids, config.tokens_per_batch)
    seconds = time.monotonic() - started
    np.save(folder / "states.npy", states)
    return {
        "n_rows": len(states),
        "hidden": states.shape[1],
        "n_tokens": sum(lengths),
        "longest_prompt_tokens": max(lengths),
        "tokens_per_second": round(sum(lengths) / seconds, 1),
        "device": headless.device.type,
    }
