"""An example's ids are the template's, only the answer has labels, and a template that does not fit is refused."""

from pathlib import Path

import pytest

from tasks.align.config import AlignConfig
from tasks.align.errors import (
    AnswerNotSplit,
    NoChatTemplate,
    NoEndOfTurn,
    NoExamples,
    SystemMessageDropped,
    TemplateFailed,
    TextBeforeAnswer,
    TooManyTooLong,
)
from tasks.align.turns import chat_tokenizer
from tasks.schemas.examples import IGNORED
from tests.chat_fixtures import CHATML, aligned, chats, dense_base, pairs, small_mix, write_mix
from tests.model_fixtures import tiny_base

CHAT, PREFERENCE = AlignConfig(), AlignConfig(objective="preference")


def test_only_the_answer_and_its_end_of_turn_token_have_labels() -> None:
    tokenizer = chat_tokenizer(dense_base().path, None)
    rows = aligned(CHAT, dense_base(), small_mix()).rows()
    for chat, ids, labels in zip(chats(20), rows["input_ids"], rows["labels"], strict=True):
        trained = [label for label in labels if label != IGNORED]
        assert tokenizer.decode(trained) == f"{chat.messages[-1].content}<|im_end|>"
        assert labels.tolist() == [IGNORED] * (len(ids) - len(trained)) + trained
        # The library's own ids, but for the line break that the template writes after the end of the turn.
        whole = tokenizer.apply_chat_template([turn.model_dump() for turn in chat.messages], return_dict=False)
        assert ids.tolist() == whole[:-1]
        assert tokenizer.decode(whole[-1:]) == "\n"


def test_a_pairs_answers_follow_the_same_prompt() -> None:
    tokenizer, found = chat_tokenizer(dense_base().path, None), aligned(PREFERENCE, dense_base(), small_mix())
    for pair, row in zip(pairs(11), found.rows().itertuples(), strict=True):
        messages = [turn.model_dump() for turn in pair.prompt]
        assert row.prompt_ids.tolist() == tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=False
        )
        assert tokenizer.decode(row.chosen_ids) == f"{pair.chosen}<|im_end|>"
        assert tokenizer.decode(row.rejected_ids) == f"{pair.rejected}<|im_end|>"
    shown = found.rendered()[0]
    assert shown["prompt"].endswith("<|im_start|>assistant\n")
    assert (shown["id"], shown["rejected"]) == ("pair-0", "down<|im_end|>")


def test_counts_are_those_of_the_ids() -> None:
    chat, preference = (aligned(config, dense_base(), small_mix()) for config in (CHAT, PREFERENCE))
    rows, counts = chat.rows(), chat.counts()
    assert (counts["n_examples"], counts["n_tokens"]) == (20, rows["input_ids"].map(len).sum())
    assert counts["n_trained_tokens"] == rows["labels"].map(lambda labels: (labels != IGNORED).sum()).sum()
    assert (counts["longest"], counts["end_of_turn"]) == (rows["input_ids"].map(len).max(), "<|im_end|>")
    lengths = preference.rows().map(len)
    # A pair's prompt is read twice.
    assert preference.counts()["n_tokens"] == int((lengths @ [2, 1, 1]).sum())


def test_longer_examples_are_left_out_and_counted_and_too_many_of_them_refused() -> None:
    lengths = aligned(CHAT, dense_base(), small_mix()).rows()["input_ids"].map(len)
    bound = int(lengths.sort_values().iloc[-3])
    found = aligned(AlignConfig(sequence_length=bound, max_share_too_long=0.2), dense_base(), small_mix())
    n_over = int((lengths > bound).sum())
    assert 1 <= n_over <= 2
    assert found.rows()["input_ids"].map(len).tolist() == lengths[lengths <= bound].tolist()
    assert found.counts()["too_long_by_source"] == {"questions": n_over}
    with pytest.raises(TooManyTooLong, match=rf"{n_over} of 20 examples have more than sequence_length={bound} tokens"):
        aligned(AlignConfig(sequence_length=bound), dense_base(), small_mix())
    with pytest.raises(TooManyTooLong, match="20 of 20"):
        aligned(AlignConfig(sequence_length=16, max_share_too_long=1), dense_base(), small_mix())


def test_a_mix_without_examples_of_the_objective_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoExamples, match="no example for objective 'preference'"):
        aligned(PREFERENCE, dense_base(), write_mix(tmp_path, chats(2), []))


def test_the_same_mix_gives_the_same_bytes() -> None:
    first, second = (aligned(PREFERENCE, dense_base(), small_mix()).path for _ in range(2))
    for file in ("rows.parquet", "rendered.jsonl", "counts.json"):
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_a_base_without_a_template_is_refused_and_given_one_it_is_not() -> None:
    with pytest.raises(NoChatTemplate, match=r"give the template's text as align\.chat_template"):
        aligned(CHAT, tiny_base(), small_mix())
    assert aligned(AlignConfig(chat_template=CHATML), tiny_base(), small_mix()).counts()["end_of_turn"] == "<|im_end|>"


TURN = "{{ message.role }}\n{{ message.content }}"
TEMPLATES = {
    "without the system message": (
        CHATML.replace("<|im_start|>{{", "{% if message.role == 'system' %}{% continue %}{% endif %}<|im_start|>{{"),
        SystemMessageDropped,
        "example chat-1: the chat template gives the same text with and without the system message",
    ),
    "that refuses a system message": (
        CHATML.replace(
            "<|im_start|>{{",
            "{% if message.role == 'system' %}{{ raise_exception('no system') }}{% endif %}<|im_start|>{{",
        ),
        TemplateFailed,
        "example chat-1: the chat template refuses messages of system, user, assistant, user: no system",
    ),
    "whose boundary is inside of a token": (
        "{% for message in messages %}{{ message.role }}: {{ message.content }}<|im_end|>{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}",
        AnswerNotSplit,
        "example chat-0: its prompt, .* tokens ending in '.*assistant: ', is not how",
    ),
    "that asks with other words than it answers": (
        CHATML.replace("assistant\n{% endif", "assistant\n<think>{% endif"),
        AnswerNotSplit,
        "ending in '.*<think>', is not how the conversation",
    ),
    "that writes empty thoughts before an answer": (
        CHATML.replace(
            "{{ message.content }}",
            "{% if message.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ message.content }}",
        ),
        TextBeforeAnswer,
        "example chat-0: the template begins the answer with '<think>.*up, by 0 .*', the example's begins with 'up",
    ),
    "that reaches for Python's classes": (
        "{{ messages.__class__.__mro__[1].__subclasses__() }}",
        TemplateFailed,
        "example chat-0: the chat template refuses messages of .*: access to attribute '__class__' .* is unsafe",
    ),
    "that changes what it is given": (
        "{{ messages.append(messages[0]) }}" + CHATML,
        TemplateFailed,
        "example chat-0: the chat template refuses messages of .* is not safely callable|is unsafe",
    ),
    "that divides by zero": (
        "{{ 1 // 0 }}",
        TemplateFailed,
        "example chat-0: the chat template refuses messages of .*by zero",
    ),
    "without an end of turn": (
        CHATML.replace("<|im_end|>", ""),
        NoEndOfTurn,
        "ends the answer with '.*points' and no special token",
    ),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_refused(name: str) -> None:
    template, error, message = TEMPLATES[name]
    with pytest.raises(error, match=f"(?s){message}"):
        aligned(AlignConfig(chat_template=template), dense_base(), small_mix())


def test_an_example_that_ends_with_a_question_is_refused(tmp_path: Path) -> None:
    asked = chats(1)[0].model_copy(update={"messages": chats(1)[0].messages[:-1] * 2})
    with pytest.raises(AnswerNotSplit, match="example chat-0"):
        aligned(CHAT, dense_base(), write_mix(tmp_path, [asked], []))
