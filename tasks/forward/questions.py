"""Prompts and answers as token ids, as the model's chat template renders them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from tasks.forward.batches import Ids
from tasks.forward.errors import UnusableQuestion
from tasks.schemas.examples import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Asked:
    """A question as a model reads it.

    Args:
        name: For messages, such as `the question on row 7`.
        prompt: Ids up to where the answer begins.
        answers: Ids of each answer.
        merges: Whether prompt and an answer have other ids as one text: the model never reads those when it answers.
    """

    name: str
    prompt: Ids
    answers: Sequence[Ids]
    merges: bool


def ask(
    name: str,
    prompt: Sequence[Message],
    answers: Sequence[str],
    tokenizer: "PreTrainedTokenizerBase",
    most: int,
    bound: str = "forecast.max_tokens",
) -> Asked:
    """Tokenize a question; prompt and answers apart, as a model that answers has read only the prompt.

    Args:
        name: For messages.
        prompt: Ends with the user's turn.
        answers: At least two.
        tokenizer: With its chat template; without one, the turns are joined as plain text.
        most: Tokens that prompt and answer may have together.
        bound: The setting that raises it, for messages.

    Raises:
        UnusableQuestion: If the template refuses the turns, or prompt or answer are empty or too long.
    """
    return ask_text(name, render(name, prompt, tokenizer), answers, tokenizer, most, bound)


def ask_text(
    name: str,
    text: str,
    answers: Sequence[str],
    tokenizer: "PreTrainedTokenizerBase",
    most: int,
    bound: str = "forecast.max_tokens",
    leading: Ids = (),
) -> Asked:
    """Tokenize a text and its possible continuations, apart from each other.

    Args:
        name: For messages.
        text: What is read.
        answers: At least two.
        tokenizer: The model's.
        most: Tokens that text and answer may have together.
        bound: The setting that raises it, for messages.
        leading: Ids before the text's.

    Raises:
        UnusableQuestion: If text or answer are empty or too long.
    """
    (first, *ids) = (tokenizer(each, add_special_tokens=False, verbose=False)["input_ids"] for each in (text, *answers))
    if not first or not all(ids):
        raise UnusableQuestion(f"{name}: the prompt or an answer has no token; word it.")
    if not (longest := len(leading) + len(first) + max(map(len, ids))) <= most:
        raise UnusableQuestion(
            f"{name} has {longest} tokens with its longest answer, {most} are allowed. Raise {bound}, take a model "
            "with a longer context, or shorten the prompt."
        )
    joined = (tokenizer(text + answer, add_special_tokens=False, verbose=False)["input_ids"] for answer in answers)
    merges = any(whole != first + own for whole, own in zip(joined, ids, strict=True))
    return Asked(name, [*leading, *first], ids, merges)


def check_exclusive(asked: Asked) -> None:
    """Refuse answers of which one begins as the other does: the two would not be different events.

    Raises:
        UnusableQuestion: If one does.
    """
    for one, other in permutations(asked.answers, 2):
        if list(one) == list(other)[: len(one)]:
            raise UnusableQuestion(
                f"{asked.name}: one of its answers begins as the other does, so that a model that says the first may "
                "be about to say the second. Word both so that neither is the other's beginning."
            )


def render(name: str, prompt: Sequence[Message], tokenizer: "PreTrainedTokenizerBase") -> str:
    """A prompt as text, up to where the assistant's answer begins.

    Raises:
        UnusableQuestion: If the template refuses the turns.
    """
    turns = [message.model_dump() for message in prompt]
    if not tokenizer.chat_template:
        return "".join(f"{turn['content']}\n" for turn in turns)
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    except Exception as error:
        # A template is a program, in jinja's sandbox: it can raise any exception.
        roles = ", ".join(turn["role"] for turn in turns)
        raise UnusableQuestion(
            f"{name}: the model's chat template refuses the turns {roles}: {error}. Word the prompt with the turns "
            "that it knows."
        ) from error
