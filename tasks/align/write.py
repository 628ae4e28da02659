"""Write a mix's examples as token ids."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tasks.align.config import AlignConfig
from tasks.align.errors import NoExamples, TooManyTooLong
from tasks.align.examples import Example, chat_example, preference_example
from tasks.align.turns import chat_tokenizer
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.examples import Mix, TokenizedExamples

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

N_SHOWN = 5
"""Examples shown as text."""


def write_examples(config: AlignConfig, base: ModelFolder, mix: Mix, folder: Path) -> dict[str, JsonValue]:
    """Write the files of TokenizedExamples.

    Args:
        config: Objective, longest example, chat template.
        base: Model whose tokenizer and chat template are used.
        mix: The examples.
        folder: Empty folder for the files.

    Returns:
        The counts, as facts for the record.

    Raises:
        AlignError: If the template does not fit an example, too many examples are too long, or none is left.
    """
    tokenizer, written = chat_tokenizer(base.path, config.chat_template), TokenizedExamples(folder)
    kept, too_long = _within(config.sequence_length, _examples(config, tokenizer, mix))
    _check_lengths(config, len(kept), too_long)
    _write_rows(kept, written.rows_file)
    shown = (json.dumps(example.text, ensure_ascii=False) + "\n" for example in kept[:N_SHOWN])
    written.rendered_file.write_text("".join(shown), encoding="utf-8")
    counts: dict[str, JsonValue] = {
        "objective": config.objective,
        "n_examples": len(kept),
        "n_tokens": sum(example.n_tokens for example in kept),
        "n_trained_tokens": sum(example.n_trained for example in kept),
        "longest": max(example.length for example in kept),
        "end_of_turn": tokenizer.convert_ids_to_tokens(kept[0].end_of_turn),
        "n_too_long": too_long.total(),
        "too_long_by_source": dict(sorted(too_long.items())),
    }
    written.counts_file.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    return counts


def _examples(config: AlignConfig, tokenizer: "PreTrainedTokenizerBase", mix: Mix) -> Iterator[Example]:
    if config.objective == "chat":
        return (chat_example(tokenizer, chat) for chat in mix.chats())
    return (preference_example(tokenizer, pair) for pair in mix.preferences())


def _within(sequence_length: int, examples: Iterable[Example]) -> tuple[list[Example], Counter[str]]:
    """The examples that fit, and the number of others by source."""
    kept, too_long = list[Example](), Counter[str]()
    for example in examples:
        if example.length <= sequence_length:
            kept.append(example)
        else:
            too_long[example.source] += 1
    return kept, too_long


def _check_lengths(config: AlignConfig, n_kept: int, too_long: Counter[str]) -> None:
    n_all = n_kept + too_long.total()
    if not n_all:
        raise NoExamples(f"the mix has no example for objective {config.objective!r}; add a source of its role.")
    if not n_kept or not too_long.total() <= config.max_share_too_long * n_all:
        worst = ", ".join(f"{source} {n:,}" for source, n in too_long.most_common(3))
        raise TooManyTooLong(
            f"{too_long.total():,} of {n_all:,} examples have more than sequence_length={config.sequence_length:,} "
            f"tokens ({worst}), max_share_too_long={config.max_share_too_long:g}. Raise sequence_length, shorten the "
            "prompts, or raise max_share_too_long to train without them."
        )


def _write_rows(kept: Sequence[Example], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = pa.list_(pa.int32())
    columns = {name: pa.array([example.columns[name] for example in kept], ids) for name in kept[0].columns}
    pq.write_table(pa.table(columns), path)
