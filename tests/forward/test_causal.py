"""Which models give probabilities of a text, told from their config alone; what precedes a text."""

from pathlib import Path

import pytest

from tasks.forward.causal import check_predicts_tokens, leading_ids, load_chat_tokenizer, most_tokens
from tasks.forward.errors import UnusableModel
from tasks.schemas.artifacts import ModelFolder
from tests.embed.small_encoders import N_POSITIONS, byte_reader, small_model, word_tokenizer
from tests.model_fixtures import qwen


@pytest.mark.parametrize("kind", ["bert", "modernbert", "roberta", "t5"])
def test_a_model_that_predicts_no_next_token_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match="is no causal language model"):
        check_predicts_tokens(small_model(kind, tmp_path))


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_causal_language_model_is_accepted_from_its_config(kind: str, tmp_path: Path) -> None:
    small = small_model(kind, tmp_path)
    for file in small.path.glob("*.safetensors"):
        file.unlink()
    assert check_predicts_tokens(small).casefold().startswith(kind)


def test_a_model_that_is_read_without_its_head_is_refused(tmp_path: Path) -> None:
    from tasks.embed.chrono_gpt import ChronoGPTConfig

    ChronoGPTConfig(num_hidden_layers=6, hidden_size=32, num_attention_heads=2, vocab_size=40).save_pretrained(tmp_path)
    with pytest.raises(UnusableModel, match="type chrono_gpt is read without its head"):
        check_predicts_tokens(ModelFolder(tmp_path))


def test_a_model_that_runs_code_is_refused(tmp_path: Path) -> None:
    own = ModelFolder(tmp_path)
    own.note_code("owner/name@0123")
    with pytest.raises(UnusableModel, match="runs by the code of owner/name@0123"):
        check_predicts_tokens(own)


def test_leading_ids_are_those_that_a_tokenizer_puts_before_any_text() -> None:
    assert leading_ids(word_tokenizer()) == (1,)
    assert leading_ids(qwen()) == ()


def test_the_smallest_of_three_limits_holds(tmp_path: Path) -> None:
    small = small_model("llama", tmp_path / "small", model_max_length=12)
    tokenizer = load_chat_tokenizer(small, None)
    assert [most_tokens(small, tokenizer, wanted) for wanted in (8, 99)] == [8, 12]
    reader = byte_reader(tmp_path / "reader", seed=0)
    assert most_tokens(reader, load_chat_tokenizer(reader, None), 10_000) == 1_024
    unbounded = small_model("gpt2", tmp_path / "gpt2")
    assert most_tokens(unbounded, load_chat_tokenizer(unbounded, None), 99) == N_POSITIONS
