"""A panel's sentences as token ids; each distinct sentence of a column once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.embed.architecture import Architecture, read_architecture
from tasks.embed.config import EmbedConfig
from tasks.embed.errors import NoSentences, NoUndatedSentences, UnusablePrompt
from tasks.schemas.artifacts import ModelFolder, Panel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FILES = {"prompt": "states.npy", "prompt_undated": "undated.npy"}
"""The file for each sentence column of the panel."""


@dataclass(frozen=True)
class Sentences:
    """The distinct sentences of a column.

    Args:
        ids: Token ids of each distinct sentence, in order of first appearance.
        of_row: (n_rows,) position in `ids` of each row's sentence.
        n_cut: How many of them were cut on the left.
    """

    ids: Sequence[Sequence[int]]
    of_row: NDArray[np.int64]
    n_cut: int = 0


def read_sentences(
    config: EmbedConfig, panel: Panel, model: ModelFolder, *, runs_code: bool = False
) -> dict[str, Sentences]:
    """Tokenize and check every wanted column before weights are loaded.

    A causal model gets no special tokens, so that the last token is the sentence's; an encoder gets its own.
    `runs_code` as of `read_architecture`.

    Raises:
        NoSentences: If the panel has no sentences.
        NoUndatedSentences: If it lacks those without their day, and they are wanted.
        UnusablePrompt: If a sentence is empty, or too long and not to be cut.
        UnusableModel: If transformers does not know the architecture.
    """
    from transformers import AutoTokenizer

    rows = panel.rows()
    if "prompt" not in rows:
        raise NoSentences(
            f"the panel's {len(rows)} rows have no column prompt: its table has neither text nor template, and serves "
            "only states that are brought along. Name one of the two in panel.source."
        )
    if config.undated and "prompt_undated" not in rows:
        raise NoUndatedSentences(
            f"the panel's {len(rows)} rows have no column prompt_undated, which embed.undated=true needs; publish a "
            "new panel (of a table: give template_undated or text_undated), or set embed.undated to false and do "
            "without the control."
        )
    architecture = read_architecture(config, model, runs_code=runs_code)
    tokenizer = AutoTokenizer.from_pretrained(model.path, trust_remote_code=runs_code)
    return {
        column: _tokenize(config, rows[column].tolist(), tokenizer, architecture, column)
        for column in (FILES if config.undated else ["prompt"])
    }


def _tokenize(
    config: EmbedConfig, texts: list[str], tokenizer: "PreTrainedTokenizerBase", architecture: Architecture, column: str
) -> Sentences:
    most = architecture.max_tokens(tokenizer, config.max_tokens)
    positions = {text: position for position, text in enumerate(dict.fromkeys(texts))}
    options = {"add_special_tokens": not architecture.is_causal, "verbose": False}
    ids = tokenizer(list(positions), **options)["input_ids"]
    of_row = np.array([positions[text] for text in texts], dtype=np.int64)
    too_long = [position for position, row in enumerate(ids) if len(row) > most]
    if too_long and config.too_long == "cut_left":
        tokenizer.truncation_side = "left"
        distinct = list(positions)
        cut = tokenizer([distinct[at] for at in too_long], truncation=True, max_length=most, **options)["input_ids"]
        for position, row in zip(too_long, cut, strict=True):
            ids[position] = row
    sentences = Sentences(ids, of_row, len(too_long))
    n_special = 0 if architecture.is_causal else tokenizer.num_special_tokens_to_add()
    _check_lengths(sentences, n_special + 1, most, config, column)
    return sentences


def _check_lengths(sentences: Sentences, fewest: int, most: int, config: EmbedConfig, column: str) -> None:
    bound = f"max_tokens={most}" if most == config.max_tokens else f"the model's context of {most}"
    way_out = "Raise max_tokens" if most == config.max_tokens else "Take a model with a longer context"
    for row, position in enumerate(sentences.of_row):
        if not fewest <= (length := len(sentences.ids[position])) <= most:
            raise UnusablePrompt(
                f"{column} of panel row {row} has {length} tokens, between {fewest} and {bound} are allowed. "
                f"{way_out}, set embed.too_long to cut_left, or correct the panel's sentence."
            )
