"""Embed a panel's sentences with one model."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from tasks.common.isolation import run_isolated
from tasks.common.threads import side_by_side
from tasks.embed.architecture import read_architecture
from tasks.embed.config import EmbedConfig
from tasks.embed.hidden_states import ONE_WORKER, load_headless, pooled_states
from tasks.embed.outline import own_modules
from tasks.embed.repeat import check_repeat, write_repeat
from tasks.embed.sentences import FILES, read_sentences
from tasks.schemas.artifacts import ModelFolder, Panel


def write_states(config: EmbedConfig, panel: Panel, model: ModelFolder, folder: Path) -> dict[str, JsonValue]:
    """Write an Embeddings' files.

    Args:
        config: Batching, limits, and whether undated sentences are embedded too.
        panel: Its `prompt` and, if wanted, `prompt_undated` columns are embedded in row order.
        model: Causal language model or encoder, with its tokenizer.
        folder: Empty folder for the files.

    The repository's own code, where the base's source allows it, runs in a process without network.

    Returns:
        Facts for the record; a repeated sentence's tokens count once.

    Raises:
        NoUndatedSentences: If the panel lacks a wanted column.
        UnusablePrompt: If a sentence is empty, or too long and not to be cut.
        UnusableModel: If the model lacks weights, or has no such state.
        StateNotFinite: If a state holds NaN or infinity.
    """
    if model.allowed_code() is None:
        return embed_panel(config, panel, model, folder)
    paths = {"panel": str(panel.path), "model": str(model.path), "folder": str(folder)}
    return run_isolated(__name__, {"config": config.model_dump(mode="json"), **paths})


def main(arguments: dict[str, Any]) -> dict[str, JsonValue]:
    """What the isolated process does."""
    panel, model = Panel(Path(arguments["panel"])), ModelFolder(Path(arguments["model"]))
    with own_modules():
        config = EmbedConfig.model_validate(arguments["config"])
        return embed_panel(config, panel, model, Path(arguments["folder"]), runs_code=True)


def embed_panel(
    config: EmbedConfig, panel: Panel, model: ModelFolder, folder: Path, *, runs_code: bool = False
) -> dict[str, JsonValue]:
    """As `write_states`, in this process; `runs_code` as of `read_architecture`."""
    columns = read_sentences(config, panel, model, runs_code=runs_code)
    architecture = read_architecture(config, model, runs_code=runs_code)
    load = partial(load_headless, model.path, architecture, runs_code=runs_code)
    headless = load()
    device = headless.device.type
    if config.repeat:
        check_repeat(config.repeat, architecture, device)
    # A repository's own code may keep in its module what a batch needs: its batches are computed one by one.
    at_most = 1 if runs_code else None
    workers = side_by_side(config.cpu_threads, "embed", at_most) if device == "cpu" else ONE_WORKER
    started = time.monotonic()
    for column, sentences in columns.items():
        # Columns are not batched together, so that a column's bytes do not depend on the other.
        states = pooled_states(headless, sentences.ids, config.tokens_per_batch, architecture.pooling, workers)
        np.save(folder / FILES[column], states[sentences.of_row])
    (folder / "prompts.sha256").write_text(panel.prompts_sha256() + "\n")
    seconds = time.monotonic() - started
    del headless  # two models may not fit
    again = config.repeat
    noise = again and write_repeat(config, again, columns["prompt"], load, architecture.pooling, folder, at_most)
    n_tokens = sum(len(ids) for sentences in columns.values() for ids in sentences.ids)
    return {
        "n_rows": len(columns["prompt"].of_row),
        "n_unique": len(columns["prompt"].ids),
        "n_unique_undated": len(columns["prompt_undated"].ids) if config.undated else None,
        "n_cut": sum(sentences.n_cut for sentences in columns.values()),
        "hidden": states.shape[1],
        "pooling": architecture.pooling,
        "context": architecture.context,
        "n_tokens": n_tokens,
        "longest_prompt_tokens": max(map(len, columns["prompt"].ids)),
        "tokens_per_second": round(n_tokens / seconds, 1),
        "device": device,
        "allowed_code": model.allowed_code(),
        "repeat": noise,
    }
