"""Put the items to a model and write its answers."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import JsonValue
from scipy.special import expit

from tasks.common.threads import Workers, side_by_side
from tasks.forward.answers import answer_log_probabilities
from tasks.forward.causal import check_predicts_tokens, load_causal
from tasks.probe.answers.bits import document_bits
from tasks.probe.answers.config import ProbeAnswersConfig
from tasks.probe.answers.reading import Items, columns_of, read_items
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.probe import ANSWERS, ProbeItems, ReadingSettings, write_table

if TYPE_CHECKING:
    from transformers import PreTrainedModel


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
    read = read_items(config, model, items)
    causal = load_causal(model.path)
    is_cpu = causal.device.type == "cpu"
    workers = side_by_side(config.cpu_threads, "probe") if is_cpu else Workers()
    started = time.monotonic()
    tables = {
        "documents": _documents(causal, read, documents, config, workers),
        "facts": _facts(causal, read, facts, config, workers),
        "questions": _questions(causal, read, questions, config, workers),
    }
    for name, rows in tables.items():
        write_table(folder, name, ANSWERS[name], rows)
    reading = ReadingSettings(window_tokens=read.longest, n_leading_ids=read.n_leading)
    (folder / "reading.json").write_text(reading.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return {
        "n_documents": len(documents),
        "n_facts": len(facts),
        "n_questions": len(questions),
        "n_distinct_questions": len(read.questions),
        "n_merged_boundaries": sum(own.merges for own in (*read.facts, *read.questions)),
        "has_chat_template": read.has_template,
        **reading.model_dump(),
        "n_document_tokens": sum(map(len, read.documents)),
        "seconds": round(time.monotonic() - started, 1),
        "device": causal.device.type,
    }


def _documents(
    model: "PreTrainedModel",
    read: Items,
    documents: pd.DataFrame,
    config: ProbeAnswersConfig,
    workers: Workers,
) -> list[dict[str, object]]:
    bits = document_bits(model, read.documents, read.n_leading, read.longest, config.tokens_per_batch, workers)
    n_scored = [len(ids) - max(1, read.n_leading) for ids in read.documents]
    keys = columns_of(documents, "id", "date", "n_bytes")
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
    for (name, day), asked, found in zip(columns_of(facts, "id", "date"), read.facts, scores, strict=True):
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
