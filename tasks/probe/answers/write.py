"""Put the items to a model and write its answers."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import JsonValue
from scipy.special import expit

from tasks.common.threads import Workers, side_by_side
from tasks.forward.answers import answer_log_probabilities
from tasks.forward.batches import Ids
from tasks.forward.causal import check_predicts_tokens, leading_ids, load_causal, load_chat_tokenizer, most_tokens
from tasks.forward.errors import UnusableQuestion
from tasks.forward.questions import Asked, ask, ask_text, check_exclusive
from tasks.probe.answers.bits import document_bits
from tasks.probe.answers.config import ProbeAnswersConfig
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.examples import Message
from tasks.schemas.probe import ANSWERS, ProbeItems, write_table

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

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
    """

    documents: Sequence[Ids]
    facts: list[Asked]
    questions: list[Asked]
    of_question: np.ndarray
    n_leading: int


def write_answers(
    config: ProbeAnswersConfig, model: ModelFolder, items: ProbeItems, folder: Path
) -> dict[str, JsonValue]:
    """Write a ProbeAnswers' files.

    Args:
        config: Batching, windows and chat template.
        model: Causal language model with its tokenizer.
        items: What it is asked.
        folder: Empty folder for the files.

    Returns:
        Facts for the record.

    Raises:
        UnusableModel: If the model predicts no tokens, cannot be loaded, or lacks weights.
        UnusableQuestion: If an item cannot be put to the model.
        AnswerNotFinite: If a probability is NaN or infinite.
    """
    check_predicts_tokens(model)
    documents, facts, questions = items.documents(), items.facts(), items.questions()
    tokenizer = load_chat_tokenizer(model, config.chat_template)
    longest = most_tokens(model, tokenizer, config.max_tokens)
    read = _read(tokenizer, longest, documents, facts, questions)
    causal = load_causal(model.path)
    is_cpu = causal.device.type == "cpu"
    workers = side_by_side(config.cpu_threads, "probe") if is_cpu else Workers()
    started = time.monotonic()
    tables = {
        "documents": _documents(causal, read, documents, longest, config, workers),
        "facts": _facts(causal, read, facts, config, workers),
        "questions": _questions(causal, read, questions, config, workers),
    }
    for name, rows in tables.items():
        write_table(folder, name, ANSWERS[name], rows)
    return {
        "n_documents": len(documents),
        "n_facts": len(facts),
        "n_questions": len(questions),
        "n_distinct_questions": len(read.questions),
        "n_merged_boundaries": sum(own.merges for own in (*read.facts, *read.questions)),
        "has_chat_template": bool(tokenizer.chat_template),
        "n_leading_ids": read.n_leading,
        "window_tokens": longest,
        "n_document_tokens": sum(map(len, read.documents)),
        "seconds": round(time.monotonic() - started, 1),
        "device": causal.device.type,
    }


def _read(
    tokenizer: "PreTrainedTokenizerBase",
    longest: int,
    documents: pd.DataFrame,
    facts: pd.DataFrame,
    questions: pd.DataFrame,
) -> Items:
    leading = leading_ids(tokenizer)
    texts = [[*leading, *_ids(tokenizer, text)] for text in documents["text"]]
    if short := [name for name, ids in zip(documents["id"], texts, strict=True) if len(ids) <= max(1, len(leading))]:
        raise UnusableQuestion(
            f"document {short[0]} has one token, and its first one has no probability. Raise "
            "probe.items.documents.min_bytes."
        )
    asked = [
        ask_text(f"the fact {name}", prompt, (answer, *wrong), tokenizer, longest, BOUND, leading)
        for name, prompt, answer, wrong in _columns(facts, "id", "prompt", "answer", "wrong")
    ]
    distinct: dict[tuple[str, str, str], int] = {}
    of_question = [
        distinct.setdefault(key, len(distinct))
        for key in zip(questions["prompt"], questions["up"], questions["down"], strict=True)
    ]
    put = [_question(tokenizer, prompt, (up, down), longest, leading) for prompt, up, down in distinct]
    return Items(texts, asked, put, np.array(of_question, dtype=np.int64), len(leading))


def _ids(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    found: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return found


def _columns(table: pd.DataFrame, *names: str) -> Iterator[tuple[Any, ...]]:
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


def _documents(
    model: "PreTrainedModel",
    read: Items,
    documents: pd.DataFrame,
    longest: int,
    config: ProbeAnswersConfig,
    workers: Workers,
) -> list[dict[str, object]]:
    bits = document_bits(model, read.documents, read.n_leading, longest, config.tokens_per_batch, workers)
    n_scored = [len(ids) - max(1, read.n_leading) for ids in read.documents]
    keys = _columns(documents, "id", "date", "n_bytes")
    return [
        {"id": name, "date": day.date(), "n_bytes": n_bytes, "n_tokens": n_tokens, "bits": float(found)}
        for (name, day, n_bytes), n_tokens, found in zip(keys, n_scored, bits, strict=True)
    ]


def _facts(
    model: "PreTrainedModel", read: Items, facts: pd.DataFrame, config: ProbeAnswersConfig, workers: Workers
) -> list[dict[str, object]]:
    """Margin of the true completion, the first of each item's, over the best wrong one."""
    scores = answer_log_probabilities(model, read.facts, config.tokens_per_batch, workers, "probe: facts")
    rows: list[dict[str, object]] = []
    for (name, day), asked, found in zip(_columns(facts, "id", "date"), read.facts, scores, strict=True):
        per_token = found / [len(answer) for answer in asked.answers]
        n_tokens = len(asked.prompt) + len(asked.answers[0])
        margin = float(per_token[0] - per_token[1:].max())
        rows.append({"id": name, "date": day.date(), "n_tokens": n_tokens, "margin": margin})
    return rows


def _questions(
    model: "PreTrainedModel", read: Items, questions: pd.DataFrame, config: ProbeAnswersConfig, workers: Workers
) -> list[dict[str, object]]:
    """Probability of `up`, given that one of the two answers is said, and of both together."""
    scores = answer_log_probabilities(model, read.questions, config.tokens_per_batch, workers, "probe: questions")
    up, down = np.array(scores).reshape(-1, 2)[read.of_question].T
    p_up, mass = expit(up - down), np.exp(up) + np.exp(down)
    return [
        {"row": row, "variant": variant, "p_up": float(own), "mass": float(both)}
        for row, variant, own, both in zip(questions["row"], questions["variant"], p_up, mass, strict=True)
    ]
