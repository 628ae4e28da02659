"""A fast tokenizer's vocabulary in tiktoken's form, if tiktoken can replace the tokenizer."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Unsuited(ValueError):
    """tiktoken cannot replace the tokenizer."""


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary in tiktoken's form.

    Args:
        ranks: Bytes of every token and its id.
        pattern: Splits text before merges.
        specials: Special tokens and their ids.
    """

    ranks: Mapping[bytes, int]
    pattern: str
    specials: tuple[tuple[str, int], ...]


def vocabulary_of(tokenizer: "PreTrainedTokenizerBase") -> Vocabulary:
    """The vocabulary of a byte-level BPE tokenizer that normalizes to NFC and splits by one pattern.

    Raises:
        Unsuited: If the tokenizer is of another kind.
    """
    backend = tokenizer.backend_tokenizer
    plain_bpe = {"dropout": None, "unk_token": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    odd = [name for name, value in plain_bpe.items() if getattr(backend.model, name, "absent") != value]
    if odd or _state(backend.normalizer) != {"type": "NFC"}:
        raise Unsuited(f"its model differs in {', '.join(odd) or 'its normalizer'}")
    added = tokenizer.added_tokens_decoder
    if any(token.normalized or token.lstrip or token.rstrip or token.single_word for token in added.values()):
        raise Unsuited("its added tokens also match text around them")
    return Vocabulary(
        ranks={_bytes(token): token_id for token, token_id in backend.get_vocab(with_added_tokens=False).items()},
        pattern=_pattern(backend.pre_tokenizer),
        specials=tuple((token.content, token_id) for token_id, token in sorted(added.items())),
    )


def write_ranks(ranks: Mapping[bytes, int], file: Path) -> None:
    """Write tiktoken's file: a line of base64 and id per token."""
    lines = [b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in ranks.items()]
    unfinished = file.with_suffix(f".{os.getpid()}.{get_ident()}")
    unfinished.write_bytes(b"".join(lines))
    unfinished.replace(file)


def read_ranks(file: Path) -> dict[bytes, int]:
    """Read the file that `write_ranks` wrote."""
    pairs = (line.split() for line in file.read_bytes().splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def _pattern(pre_tokenizer: Any) -> str:
    state = _state(pre_tokenizer)
    try:
        split, level = state["pretokenizers"]
        pattern = str(split["pattern"]["Regex"])
        steps = (
            split["type"],
            split["behavior"],
            split["invert"],
            level["type"],
            level["add_prefix_space"],
            level["use_regex"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unsuited("it does not split text by one pattern") from error
    if steps != ("Split", "Isolated", False, "ByteLevel", False, False):
        raise Unsuited(f"it splits text as {steps}")
    return pattern


def _state(component: Any) -> Any:
    return json.loads(component.__getstate__()) if component is not None else None


def _bytes(token: str) -> bytes:
    return bytes(map(_byte_of_character().__getitem__, token))


@cache
def _byte_of_character() -> dict[str, int]:
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return {character: byte for byte, character in bytes_to_unicode().items()}
