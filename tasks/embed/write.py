"""Embed a panel's sentences with one model; each distinct sentence of a column is embedded once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from tasks.common.threads import torch_threads
from tasks.embed.config import EmbedConfig
from tasks.embed.errors import NoUndatedSentences, UnusablePrompt
from tasks.embed.hidden_states import last_token_states, load_headless
from tasks.schemas.artifacts import ModelFolder, Panel

FILES = {"prompt": "states.npy", "prompt_undated": "undated.npy"}
"""The file for each sentence column of the panel."""


@dataclass(frozen=True)
class Sentences:
    """The distinct sentences of a column.

    Args:
        ids: Token ids of each distinct sentence, in order of first appearance.
        of_row: (n_rows,) position in `ids` of each row's sentence.
    """

    ids: Sequence[Sequence[int]]
    of_row: NDArray[np.int64]


def write_states(config: EmbedConfig, panel: Panel, model: ModelFolder, folder: Path) -> dict[str, JsonValue]:
    """Write an Embeddings' files.

    Args:
        config: Batching, limits, and whether undated sentences are embedded too.
        panel: Its `prompt` and, if wanted, `prompt_undated` columns are embedded in row order.
        model: Causal language model with its tokenizer.
        folder: Empty folder for the files.

    Returns:
        Facts for the record; a repeated sentence's tokens count once.

    Raises:
        NoUndatedSentences: If the panel lacks a wanted column.
        UnusablePrompt: If a sentence is empty or too long.
        StateNotFinite: If a state holds NaN or infinity.
    """
    columns = read_sentences(config, panel, model)
    headless = load_headless(model.path)
    started = time.monotonic()
    with torch_threads(config.cpu_threads, "embed"):
        for column, sentences in columns.items():
            # Columns are not batched together, so that a column's bytes do not depend on the other.
            states = last_token_states(headless, sentences.ids, config.tokens_per_batch)
            np.save(folder / FILES[column], states[sentences.of_row])
    (folder / "prompts.sha256").write_text(panel.prompts_sha256() + "\n")
    seconds = time.monotonic() - started
    n_tokens = sum(len(ids) for sentences in columns.values() for ids in sentences.ids)
    return {
        "n_rows": len(columns["prompt"].of_row),
        "n_unique": len(columns["prompt"].ids),
        "n_unique_undated": len(columns["prompt_undated"].ids) if config.undated else None,
        "hidden": states.shape[1],
        "n_tokens": n_tokens,
        "longest_prompt_tokens": max(map(len, columns["prompt"].ids)),
        "tokens_per_second": round(n_tokens / seconds, 1),
        "device": headless.device.type,
    }


def read_sentences(config: EmbedConfig, panel: Panel, model: ModelFolder) -> dict[str, Sentences]:
    """Tokenize and check every wanted column before weights are loaded; no special tokens are added.

    Raises:
        NoUndatedSentences: If the panel lacks a wanted column.
        UnusablePrompt: If a sentence is empty or too long.
    """
    from transformers import AutoTokenizer

    rows = panel.rows()
    if config.undated and "prompt_undated" not in rows:
        raise NoUndatedSentences(
            f"the panel's {len(rows)} rows have no column prompt_undated, which embed.undated=true needs; publish a "
            "new panel, or set embed.undated to false and do without the control."
        )
    tokenizer = AutoTokenizer.from_pretrained(model.path, trust_remote_code=False)
    columns = {}
    for column in FILES if config.undated else ["prompt"]:
        texts = rows[column].tolist()
        positions = {text: position for position, text in enumerate(dict.fromkeys(texts))}
        ids = tokenizer(list(positions), add_special_tokens=False, verbose=False)["input_ids"]
        columns[column] = Sentences(ids, np.array([positions[text] for text in texts], dtype=np.int64))
        _check_lengths(columns[column], config.max_tokens, column)
    return columns


def _check_lengths(sentences: Sentences, max_tokens: int, column: str) -> None:
    for row, position in enumerate(sentences.of_row):
        if not 1 <= (length := len(sentences.ids[position])) <= max_tokens:
            raise UnusablePrompt(
                f"{column} of panel row {row} has {length} tokens, between 1 and max_tokens={max_tokens} are allowed. "
                "Raise max_tokens, or correct the panel's sentence."
            )
