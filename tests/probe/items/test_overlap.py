"""Overlap is that of sets of n-grams made by brute force; a copied passage is found wherever it stands."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.probe.items.overlap import overlap_of
from tasks.schemas.artifacts import Document, TextShards

words = st.sampled_from(["a", "B", "b", "Straße", "STRASSE", "x1", "don't", "-", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
texts_of_words = st.lists(st.lists(words, max_size=12).map(" ".join), max_size=6)


def ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    found = re.findall(r"\w+", text.casefold())
    return {tuple(found[start : start + n]) for start in range(len(found) - n + 1)}


@given(texts_of_words, texts_of_words, st.integers(1, 4))
def test_overlap_is_that_of_sets_made_by_brute_force(texts: list[str], training: list[str], n: int) -> None:
    known = set().union(*(ngrams(text, n) for text in training))
    expected = [len(own & known) / len(own) if (own := ngrams(text, n)) else np.nan for text in texts]
    np.testing.assert_array_equal(overlap_of(texts, training, n), np.array(expected, dtype=float))


def write_texts(folder: Path, name: str, texts: list[str]) -> None:
    (folder / "texts").mkdir(exist_ok=True)
    lines = [Document(id=f"{name}-{place}", date="2015-01-01", text=text) for place, text in enumerate(texts)]
    (folder / "texts" / f"{name}.jsonl").write_text("".join(f"{line.model_dump_json()}\n" for line in lines))


def test_a_copied_passage_is_found_in_a_shard_and_its_words_in_another_order_are_not(tmp_path: Path) -> None:
    rng = random.Random(1)  # noqa: S311
    texts = [" ".join(rng.choice(["Rates", "rose;", "fell", "by", "two", "three"]) for _ in range(500)) for _ in "abc"]
    write_texts(tmp_path, "00000", texts[:1])
    write_texts(tmp_path, "00001", texts[1:])
    passage = re.findall(r"\w+", texts[2])[100:140]
    shuffled, fresh = rng.sample(passage, len(passage)), [f"word{number}" for number in range(40)]
    asked = [" ".join(own) for own in (passage, shuffled, fresh, passage[:20] + fresh[:20], passage[:12])]
    # Of 40 words 28 n-grams of 13; of the half that is copied 8 are.
    np.testing.assert_allclose(overlap_of(asked, TextShards(tmp_path).text_files), [1, 0, 0, 8 / 28, np.nan])
    assert overlap_of([texts[0].upper()], TextShards(tmp_path).text_files) == [1]


def test_training_texts_are_read_once_and_not_at_all_for_texts_without_an_ngram() -> None:
    read = []

    def training() -> Iterator[str]:
        for text in ("one two three", "two three four"):
            read.append(text)
            yield text

    assert overlap_of(["one two three four", "three four"], training(), n=2).tolist() == [1, 1]
    assert len(read) == 2
    assert np.isnan(overlap_of(["one two", ""], training(), n=3)).all()
    assert len(overlap_of([], training())) == 0
    assert len(read) == 2


def test_no_words_per_ngram_are_refused() -> None:
    with pytest.raises(ValueError, match="n=0 words per n-gram"):
        overlap_of(["text"], [], n=0)
