"""Contamination: which share of a text's word n-grams is in the training texts.

The training texts are read once, as a stream. Kept in memory are the texts' own words and n-grams alone, so that it is
bounded by the probes and not by the corpus: a training n-gram with a word that no text has cannot be one of theirs.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.common.progress import Progress
from tasks.schemas.artifacts import Document

WORDS = re.compile(r"\w+")
UNKNOWN = -1
"""Number of a word that is in none of the texts."""


def overlap_of(texts: Sequence[str], shards: Iterable[Path | str], n: int = 13) -> NDArray[np.float64]:
    r"""Find the fraction of each text's distinct word n-grams that occur in the training texts.

    Words are `\w+` of the casefolded text. An n-gram is compared by a hash of 64 bits: of ten billion training n-grams
    and a million of the texts', one is taken for another with a probability of about 1 in 2,000.

    Args:
        texts: Such as panel sentences or documents kept out of the training.
        shards: Training texts, or files of them, one JSON document per line, as `TextShards.text_files` lists them.
        n: Words of an n-gram, at least 1.

    Returns:
        (n_texts,) fractions; NaN for a text of fewer than n words, which has no n-gram and so no fraction.

    Raises:
        ValueError: If n is below 1.

    Examples:
        >>> training = ["The quick brown fox jumps over the lazy dog."]
        >>> overlap_of(["A quick brown fox jumps", "quick brown foxes", "fox"], training, n=3).tolist()
        [0.6666666666666666, 0.0, nan]

    Source: Brown et al. (2020), Language models are few-shot learners, appendix C, for n-grams of 13 words.
    """
    if not n >= 1:
        raise ValueError(f"n={n} words per n-gram; it must be at least 1")
    words = _Words(texts, n)
    own = [np.unique(words.hashes(text)) for text in texts]
    known = np.unique(np.concatenate([np.empty(0, np.uint64), *own]))
    is_found = np.zeros(len(known), dtype=bool)
    if len(known):
        progress = Progress("overlap with the training texts", None, "texts")
        for text in _training_texts(shards):
            is_found[_places(words.hashes(text), known)] = True
            progress.add()
    return np.array([is_found[_places(hashes, known)].mean() if len(hashes) else np.nan for hashes in own])


class _Words:
    """The texts' words, numbered, with a random number per word and place in an n-gram.

    Source: Zobrist (1970) for the hash, Patrascu and Thorup (2012) for its analysis as simple tabulation.
    """

    def __init__(self, texts: Iterable[str], n: int) -> None:
        self.n = n
        self.numbers: dict[str, int] = {}
        for text in texts:
            for word in _words(text):
                self.numbers.setdefault(word, len(self.numbers))
        rng = np.random.default_rng(0)
        self.keys = rng.integers(2**64, size=(n, len(self.numbers)), dtype=np.uint64)

    def hashes(self, text: str) -> NDArray[np.uint64]:
        """(n_ngrams,) hashes of the text's n-grams whose words are all known, in their order."""
        numbers = np.array([self.numbers.get(word, UNKNOWN) for word in _words(text)], dtype=np.int64)
        if len(numbers) < self.n:
            return np.empty(0, np.uint64)
        n_unknown = np.concatenate([[0], np.cumsum(numbers == UNKNOWN)])
        starts = np.flatnonzero(n_unknown[self.n :] == n_unknown[: -self.n])
        hashes = np.zeros(len(starts), np.uint64)
        for place, keys in enumerate(self.keys):
            hashes ^= keys[numbers[starts + place]]
        return hashes


def _words(text: str) -> list[str]:
    return WORDS.findall(text.casefold())


def _places(hashes: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where the hashes are among the sorted known ones; those that are not are left out."""
    places = np.searchsorted(known, hashes)
    places[places == len(known)] = 0
    found: NDArray[np.int64] = places[known[places] == hashes]
    return found


def _training_texts(shards: Iterable[Path | str]) -> Iterator[str]:
    for source in shards:
        if isinstance(source, str):
            yield source
            continue
        with source.open(encoding="utf-8") as lines:
            yield from (Document.model_validate_json(line).text for line in lines)
