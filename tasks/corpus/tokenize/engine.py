"""Tokenizer engines: transformers' tokenizer itself, or tiktoken, which is faster, if it gives the same ids."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.corpus.errors import EngineDiffers
from tasks.schemas.tokenizer import HubTokenizer, QwenTokenizer, load_tokenizer, tokenizer_digest

if TYPE_CHECKING:
    import tiktoken
    from transformers import PreTrainedTokenizerBase

Ids = np.ndarray
"""(n_tokens,) uint32."""

RUNS = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
"""End of the vocabulary's pattern. Its look-ahead only matters in a run of spaces; without it tiktoken is a third
faster."""
RUNS_WITHOUT_LOOK_AHEAD = r"|\s*[\r\n]+|\s+"
SPACE, UNSURE = np.uint8(1), np.uint8(2)
UNUSED_SPECIAL = {"\U0010ffff\U0010fffe": 2**31}
"""tiktoken returns arrays only if it has a special token; with an empty set it would search every character."""


@dataclass(frozen=True)
class EngineSpec:
    """What a worker needs to make its engine.

    Args:
        kind: Library.
        tokenizer_sha256: Digest of the tokenizer whose ids it must give.
        ranks: tiktoken's vocabulary file, if it was written.
        pattern: Splits text before merges.
        specials: Special tokens and their ids.
    """

    kind: Literal["transformers", "tiktoken"]
    tokenizer_sha256: str
    ranks: Path | None = None
    pattern: str = ""
    specials: tuple[tuple[str, int], ...] = ()


class TransformersEngine:
    """A fast tokenizer of transformers."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self._tokenizer = tokenizer

    def encode(self, texts: Sequence[str], batch_documents: int) -> list[Ids | None]:
        """Ids of each text."""
        ids: list[Ids | None] = []
        for start in range(0, len(texts), batch_documents):
            batch = list(texts[start : start + batch_documents])
            encoded = self._tokenizer(batch, add_special_tokens=False, verbose=False)["input_ids"]
            ids += [np.array(own, np.uint32) for own in encoded]
        return ids


class TiktokenEngine:
    """tiktoken with the tokenizer's normalization, pattern and special tokens.

    Args:
        ranks: Bytes of every token and its id, which is also the order of merges.
        pattern: As the tokenizer has it.
        specials: Special tokens and their ids, recognized anywhere in a text.
    """

    def __init__(self, ranks: Mapping[bytes, int], pattern: str, specials: Sequence[tuple[str, int]]) -> None:
        import tiktoken

        options: Any = {"mergeable_ranks": dict(ranks), "special_tokens": UNUSED_SPECIAL}
        self._make_exact = partial(tiktoken.Encoding, "exact", pat_str=pattern, **options)
        self._plain = None
        if pattern.endswith(RUNS):
            plain = pattern.removesuffix(RUNS) + RUNS_WITHOUT_LOOK_AHEAD
            self._plain = tiktoken.Encoding("plain", pat_str=plain, **options)
        self._special_ids = dict(specials)
        # The longest first: of two with the same start the tokenizer takes the longer one.
        longest = sorted(self._special_ids, key=len, reverse=True)
        self._specials = re.compile(f"({'|'.join(map(re.escape, longest))})") if longest else None
        self._characters = _character_kinds()

    def encode(self, texts: Sequence[str], batch_documents: int) -> list[Ids | None]:
        """Ids of each text; None for a text with an unsure character."""
        return [self._encode(text) for text in texts]

    def _encode(self, text: str) -> Ids | None:
        if self._specials and self._common_start in text and self._specials.search(text):
            return self._encode_around_specials(text)
        return self._encode_ordinary(text)

    def _encode_around_specials(self, text: str) -> Ids | None:
        assert self._specials  # noqa: S101
        ids: list[Ids] = []
        for index, span in enumerate(self._specials.split(text)):
            if index % 2:
                ids.append(np.array([self._special_ids[span]], np.uint32))
            elif (own := self._encode_ordinary(span)) is None:
                return None
            else:
                ids.append(own)
        return np.concatenate(ids)

    def _encode_ordinary(self, text: str) -> Ids | None:
        if text.isascii():
            has_runs = "  " in text or "\t" in text or "\v" in text or "\f" in text
        else:
            text = unicodedata.normalize("NFC", text)
            kinds = self._characters[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
            if (kinds & UNSURE).any():
                return None
            spaces = kinds & SPACE
            has_runs = bool((spaces[1:] & spaces[:-1]).any())
        encoding = self._exact if has_runs or not self._plain else self._plain
        ids: Ids = encoding.encode_to_numpy(text, disallowed_special=())
        return ids

    @cached_property
    def _exact(self) -> "tiktoken.Encoding":
        """Made for the first text that needs it, because it takes a quarter of a second."""
        return self._make_exact()

    @cached_property
    def _common_start(self) -> str:
        """Common start of all special tokens; searching for it first is cheaper."""
        texts = sorted(self._special_ids)
        same = [one == other for one, other in zip(texts[0], texts[-1], strict=False)]
        return texts[0][: [*same, False].index(False)]


Engine = TransformersEngine | TiktokenEngine
"""Turns texts into token ids, without special tokens around them; None for a text to leave to transformers."""


def make_engine(
    spec: EngineSpec, source: QwenTokenizer | HubTokenizer, tokenizer: "PreTrainedTokenizerBase | None" = None
) -> Engine:
    """Make an engine for this process.

    Args:
        spec: Its kind and vocabulary.
        source: The tokenizer whose ids it must give.
        tokenizer: The same, if this process has loaded it already.

    Raises:
        EngineDiffers: If the tokenizer installed here has another digest.
    """
    from tasks.corpus.tokenize.vocabulary import read_ranks, vocabulary_of

    if spec.ranks and spec.ranks.exists():
        return TiktokenEngine(read_ranks(spec.ranks), spec.pattern, spec.specials)
    tokenizer = tokenizer or _load(source, spec.tokenizer_sha256)
    if spec.kind == "transformers":
        return TransformersEngine(tokenizer)
    # Another machine does not have the file of ranks: it takes the vocabulary from its tokenizer.
    vocabulary = vocabulary_of(tokenizer)
    return TiktokenEngine(vocabulary.ranks, vocabulary.pattern, vocabulary.specials)


def _load(source: QwenTokenizer | HubTokenizer, expected_sha256: str) -> "PreTrainedTokenizerBase":
    tokenizer = load_tokenizer(source)
    if (found := tokenizer_digest(tokenizer)) != expected_sha256:
        raise EngineDiffers(
            f"the tokenizer here has digest {found[:12]}, the corpus uses {expected_sha256[:12]}; "
            "install the same pins on every machine (constraints.txt)."
        )
    return tokenizer


def _character_kinds() -> np.ndarray:
    """(0x110000,) flags of every character: a space within a line, or unsure.

    Unsure are characters newer than this Python's Unicode, and combining or composed ones newer than Unicode 3.2,
    because transformers' tokenizer normalizes by the tables of another Unicode version.
    """
    kinds = np.full(0x110000, UNSURE, np.uint8)
    # Beyond the third plane there are only tags and private use, which may stay unsure.
    for code, character in enumerate(map(chr, range(0x33480))):
        if unicodedata.category(character) not in ("Cn", "Cs"):
            kinds[code] = 0
        if unicodedata.combining(character) or unicodedata.decomposition(character):
            kinds[code] = UNSURE * (unicodedata.ucd_3_2_0.category(character) == "Cn")
    spaces = [*range(0x2000, 0x200B), *map(ord, " \t\v\f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000")]
    kinds[spaces] |= SPACE
    return kinds
