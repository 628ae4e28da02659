"""The items as one model reads them: tokenized, by its chat template, within its context. No weights are needed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tasks.forward.batches import Ids
from tasks.forward.causal import leading_ids, load_chat_tokenizer, most_tokens
from tasks.forward.errors import UnusableQuestion
from tasks.forward.questions import Asked, ask, ask_text, check_exclusive
from tasks.probe.answers.config import ProbeAnswersConfig
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.examples import Message
from tasks.schemas.probe import ProbeItems

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BOUND = "probe.answers.max_tokens"


@dataclass(frozen=True)
class Items:
    """The items as this model reads them.

    Args:
        documents: Token ids.
        facts: Prompts with their completions, the true one first.
        questions: The distinct ones.
        of_question: (n_questions,) position among them of each question.
        n_leading: Ids before each document.
        longest: Tokens of a window, and of a question with its answer.
        has_template: Whether questions are put by a chat template.
    """

    documents: Sequence[Ids]
    facts: list[Asked]
    questions: list[Asked]
    of_question: np.ndarray
    n_leading: int
    longest: int
    has_template: bool


def read_items(config: ProbeAnswersConfig, model: ModelFolder, items: ProbeItems) -> Items:
    """Tokenize every item as the model would read it. Needs its tokenizer and config, and no weights.

    Args:
        config: Windows and chat template.
        model: Causal language model with its tokenizer.
        items: What it is asked.

    Raises:
        UnusableModel: If the model runs by code of its repository.
        UnusableQuestion: If an item cannot be put to the model.
    """
    documents, facts, questions = items.documents(), items.facts(), items.questions()
    tokenizer = load_chat_tokenizer(model, config.chat_template)
    longest = most_tokens(model, tokenizer, config.max_tokens)
    leading = leading_ids(tokenizer)
    texts = [[*leading, *_ids(tokenizer, text)] for text in documents["text"]]
    if short := [name for name, ids in zip(documents["id"], texts, strict=True) if len(ids) <= max(1, len(leading))]:
        raise UnusableQuestion(
            f"document {short[0]} has one token, and its first one has no probability. Raise "
            "probe.items.documents.min_bytes."
        )
    asked = [
        ask_text(f"the fact {name}", prompt, (answer, *wrong), tokenizer, longest, BOUND, leading)
        for name, prompt, answer, wrong in columns_of(facts, "id", "prompt", "answer", "wrong")
    ]
    distinct: dict[tuple[str, str, str], int] = {}
    of_question = [
        distinct.setdefault(key, len(distinct))
        for key in zip(questions["prompt"], questions["up"], questions["down"], strict=True)
    ]
    put = [_question(tokenizer, prompt, (up, down), longest, leading) for prompt, up, down in distinct]
    return Items(
        texts,
        asked,
        put,
        np.array(of_question, dtype=np.int64),
        len(leading),
        longest,
        has_template=bool(tokenizer.chat_template),
    )


def _ids(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    found: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return found


def columns_of(table: pd.DataFrame, *names: str) -> Iterator[tuple[Any, ...]]:
    """Rows of the named columns."""
    return zip(*(table[name] for name in names), strict=True)


def _question(
    tokenizer: "PreTrainedTokenizerBase", prompt: str, answers: tuple[str, str], longest: int, leading: Sequence[int]
) -> Asked:
    """By the chat template, which has its own leading tokens; without one, as a line of plain text."""
    name = f"the question {prompt!r}"
    if tokenizer.chat_template:
        asked = ask(name, (Message(role="user", content=prompt),), answers, tokenizer, longest, BOUND)
    else:
        asked = ask_text(name, f"{prompt}\n", answers, tokenizer, longest, BOUND, leading)
    check_exclusive(asked)
    return asked
