"""Embed a panel's sentences with one model."""

import time
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from tasks.embed.batches import refuse_unusable
from tasks.embed.config import EmbedConfig
from tasks.embed.errors import NoUndatedSentences
from tasks.embed.sentences import Sentences
from tasks.embed.states import last_token_states, load_headless
from tasks.schemas.artifacts import ModelFolder, Panel

FILES = {"prompt": "states.npy", "prompt_undated": "undated.npy"}
"""Which of the panel's sentences go into which file."""


def write_states(config: EmbedConfig, panel: Panel, model: ModelFolder, folder: Path) -> dict[str, JsonValue]:
    """Leave an Embeddings' files in `folder`.

    Args:
        config: Batching, bounds, and whether the undated sentences are embedded too.
        panel: Its `prompt` and, where asked for, `prompt_undated` columns, in its row order.
        model: Causal language model with its tokenizer.
        folder: Empty folder.

    Returns:
        Facts for the record; tokens are those that were embedded, a repeated sentence's once.

    Raises:
        EmbedError: If the panel lacks a column, a sentence cannot be used, or a state is not finite.
    """
    columns = _read_sentences(config, panel, model)
    headless = load_headless(model.path)
    started = time.monotonic()
    for column, sentences in columns.items():
        # Each column in batches of its own, so that its bytes do not depend on whether the other is there.
        states = last_token_states(headless, sentences.ids, config.tokens_per_batch)
        np.save(folder / FILES[column], states[sentences.of_row])
    (folder / "prompts.sha256").write_text(panel.prompts_sha256() + "\n")
    seconds = time.monotonic() - started
    n_tokens = sum(sentences.n_tokens for sentences in columns.values())
    return {
        "n_rows": len(columns["prompt"].of_row),
        "n_unique": len(columns["prompt"].ids),
        "n_unique_undated": len(columns["prompt_undated"].ids) if config.undated else None,
        "hidden": headless.config.hidden_size,
        "n_tokens": n_tokens,
        "longest_prompt_tokens": max(map(len, columns["prompt"].ids)),
        "tokens_per_second": round(n_tokens / seconds, 1),
        "device": headless.device.type,
    }


def _read_sentences(config: EmbedConfig, panel: Panel, model: ModelFolder) -> dict[str, Sentences]:
    """Every wanted column's sentences, all of them looked at before weights are loaded."""
    from transformers import AutoTokenizer

    rows = panel.rows()
    if config.undated and "prompt_undated" not in rows:
        raise NoUndatedSentences(
            f"the panel's {len(rows)} rows have no column prompt_undated, which embed.undated=true needs; publish the "
            "panel anew, or set embed.undated to false and do without the control."
        )
    tokenizer = AutoTokenizer.from_pretrained(model.path, trust_remote_code=False)
    found = {}
    for column in FILES if config.undated else ["prompt"]:
        found[column] = Sentences.read(rows[column].tolist(), tokenizer)
        refuse_unusable(found[column].lengths, config.max_tokens, column)
    return found
