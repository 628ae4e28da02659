"""The faster tokenizer gives transformers' ids, or reports that it is unsure."""

import unicodedata
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.corpus.tokenize.engine import TiktokenEngine, TransformersEngine
from tasks.corpus.tokenize.engine_check import choose_engine, first_difference, fuzzed_texts
from tasks.corpus.tokenize.vocabulary import Unsuited, read_ranks, vocabulary_of, write_ranks
from tests.corpus.conftest import qwen_digest
from tests.model_fixtures import qwen


@cache
def vocabulary():
    return vocabulary_of(qwen())


@cache
def engine() -> TiktokenEngine:
    return TiktokenEngine(vocabulary().ranks, vocabulary().pattern, vocabulary().specials)


def expected(text: str) -> list[int]:
    return qwen()([text], add_special_tokens=False)["input_ids"][0]


def encoded(*texts: str) -> list[list[int] | None]:
    return [ids if ids is None else ids.tolist() for ids in engine().encode(texts, 1)]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_the_same_ids_or_is_left_to_transformers(text: str) -> None:
    ids = encoded(text)[0]
    assert ids is None or ids == expected(text)


def test_two_thousand_mixed_texts_have_the_same_ids() -> None:
    texts = fuzzed_texts(7, 2_000, [text for text, _ in vocabulary().specials])
    assert first_difference(engine(), qwen(), texts) is None
    # Most of them are not unsure.
    assert sum(ids is not None for ids in engine().encode(texts, 1)) > 1_200


def test_decomposed_text_has_the_ids_of_composed_text() -> None:
    text = "Ångström, naïve, ḍ̇, 각, ガ"
    assert unicodedata.normalize("NFD", text) != text
    assert encoded(unicodedata.normalize("NFD", text)) == encoded(text) == [expected(text)]


def test_every_mark_and_every_composed_character_is_the_same_or_in_doubt() -> None:
    assigned = [chr(code) for code in range(0x33480) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
    marks = [f"a{mark}\u0323x α{mark}\u0301y" for mark in assigned if unicodedata.combining(mark)]  # noqa: RUF001
    composed = [f"a{unicodedata.normalize('NFD', one)}b" for one in assigned if unicodedata.decomposition(one)]
    assert first_difference(engine(), qwen(), marks + composed) is None


def test_runs_of_spaces_special_tokens_and_contractions_have_the_same_ids() -> None:
    texts = ["a  b", "a \n  b\t\tc", "x<|endoftext|>y", "<|im_start|> <|im_end|>", "<|not special|>", "IT'S we'LL", ""]
    assert encoded(*texts) == [expected(text) for text in texts]


def test_a_character_younger_than_the_tables_is_left_to_transformers() -> None:
    assert encoded("before \U00016d68\U00016d67 after", "plain")[0] is None
    # The special token tiktoken is given is beyond all planes in use.
    assert encoded("a \U0010ffff\U0010fffe b") == [None]


def test_a_vocabulary_is_read_back_as_it_was_written(tmp_path) -> None:
    write_ranks(vocabulary().ranks, tmp_path / "ranks")
    assert read_ranks(tmp_path / "ranks") == vocabulary().ranks


def test_a_tokenizer_of_another_kind_is_left_to_transformers(tmp_path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]")))
    with pytest.raises(Unsuited):
        vocabulary_of(words)
    assert choose_engine(words, "digest", "auto", 10**9, tmp_path).kind == "transformers"


def test_an_engine_that_differs_is_not_used(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = vocabulary().pattern.replace(r"\p{N}", r"\p{N}{1,3}")
    assert lowered != vocabulary().pattern
    monkeypatch.setattr("tasks.corpus.tokenize.vocabulary._pattern", lambda pre_tokenizer: lowered)
    assert choose_engine(qwen(), qwen_digest(), "auto", 10**9, tmp_path).kind == "transformers"
    assert not list(tmp_path.iterdir())


def test_a_small_budget_is_not_worth_another_engine(tmp_path) -> None:
    assert choose_engine(qwen(), qwen_digest(), "auto", 120_000, tmp_path).kind == "transformers"
    assert TransformersEngine(qwen()).encode(["one", "two"], 1) == [expected("one"), expected("two")]
