"""Put a mix's questions to a model and write its answers."""

import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
from pydantic import JsonValue
from scipy.special import expit

from tasks.common.threads import Workers, side_by_side
from tasks.forecast.config import ForecastConfig
from tasks.forward.adapters import with_adapter
from tasks.forward.answers import answer_log_probabilities, texts_of
from tasks.forward.causal import load_causal, load_chat_tokenizer, most_tokens
from tasks.forward.errors import UnusableQuestion
from tasks.forward.questions import Asked, ask, check_exclusive
from tasks.schemas.artifacts import ModelFolder, Panel
from tasks.schemas.examples import DirectionQuestion, KnowledgeQuestion, Mix


def write_forecast(
    config: ForecastConfig, model: ModelFolder, mix: Mix, panel: Panel, folder: Path, adapter: Path | None = None
) -> dict[str, JsonValue]:
    """Write a Forecasts' files.

    The probability of a rise is that of the answer that says so, given that one of the two answers is said. Of a
    knowledge question, the answer with the largest log probability per token is chosen.

    Args:
        config: Batching and limits.
        model: Causal language model with its tokenizer.
        mix: The questions.
        panel: Its rows are what `row` of a question counts.
        folder: Empty folder for the files.
        adapter: An adapter on the model, as PEFT saves it.

    Returns:
        Facts for the record.

    Raises:
        UnusableQuestion: If a question is not about a row of the panel, or cannot be put to the model.
        UnusableModel: If the model runs by code of its repository, cannot be loaded, or lacks weights.
        UnusableAdapter: If the adapter does not fit.
    """
    directions, knowledge = list(mix.directions()), list(mix.knowledge())
    n_rows = len(panel.rows())
    _check(directions, knowledge, n_rows)
    tokenizer = load_chat_tokenizer(model, config.chat_template)
    most = most_tokens(model, tokenizer, config.max_tokens)
    asked = [
        *(ask(f"the question on row {own.row}", own.prompt, (own.up, own.down), tokenizer, most) for own in directions),
        *(ask(f"the question {own.id}", own.prompt, own.answers, tokenizer, most) for own in knowledge),
    ]
    for own in asked[: len(directions)]:
        check_exclusive(own)
    causal = load_causal(model.path)
    answering = with_adapter(causal, adapter, "the adapter") if adapter else causal
    device = causal.device.type
    workers = side_by_side(config.cpu_threads, "forecast") if device == "cpu" else Workers()
    started = time.monotonic()
    scores = answer_log_probabilities(answering, asked, config.tokens_per_batch, workers)
    seconds = time.monotonic() - started
    n_tokens = sum(len(text.ids) for text in texts_of(asked))
    (folder / "panel.sha256").write_text(panel.rows_sha256() + "\n")
    return {
        **_write_directions(folder, directions, np.array(scores[: len(directions)]).reshape(-1, 2), n_rows),
        **_write_knowledge(folder, knowledge, asked[len(directions) :], scores[len(directions) :]),
        "n_merged_boundaries": sum(own.merges for own in asked),
        "has_chat_template": bool(tokenizer.chat_template),
        "longest_prompt_tokens": max(len(own.prompt) for own in asked),
        "n_tokens": n_tokens,
        "tokens_per_second": round(n_tokens / seconds, 1),
        "questions_per_second": round(len(asked) / seconds, 1),
        "device": device,
    }


def _check(directions: list[DirectionQuestion], knowledge: list[KnowledgeQuestion], n_rows: int) -> None:
    """Refuse a mix without questions, and questions without an answer to be right or wrong about."""
    if not directions and not knowledge:
        raise UnusableQuestion("the mix has no questions; make one whose hold-out has rows.")
    asked = Counter(own.row for own in directions)
    if beyond := [row for row in asked if row >= n_rows]:
        raise UnusableQuestion(
            f"the mix asks about row {max(beyond)}, and {len(beyond)} such rows in all, but the panel has {n_rows:,} "
            "rows; name the panel that the mix was made from."
        )
    if twice := [row for row, n in asked.items() if n > 1]:
        raise UnusableQuestion(f"the mix asks {asked[twice[0]]} times about row {twice[0]}; ask once about each row.")
    if same := [own for own in knowledge if len(set(own.answers)) < len(own.answers)]:
        raise UnusableQuestion(f"the question {same[0].id} has an answer twice; give answers that differ.")
    if wrong := [own for own in knowledge if own.right >= len(own.answers)]:
        raise UnusableQuestion(
            f"the question {wrong[0].id} has {len(wrong[0].answers)} answers, and its right one is number "
            f"{wrong[0].right}, counted from 0; name one of them."
        )


def _write_directions(
    folder: Path, questions: list[DirectionQuestion], scores: np.ndarray, n_rows: int
) -> dict[str, JsonValue]:
    """Write each asked row's probability of a rise and the mass of its two answers; `scores` is (n_questions, 2)."""
    rows = [own.row for own in questions]
    rise, mass = expit(scores[:, 0] - scores[:, 1]), np.exp(scores).sum(axis=1)
    for name, values in (("directions", rise), ("mass", mass)):
        in_rows = np.full(n_rows, np.nan)
        in_rows[rows] = values
        np.save(folder / f"{name}.npy", in_rows, allow_pickle=False)
    if not rows:
        return {"n_directions": 0}
    return {
        "n_directions": len(rows),
        "mean_distance_from_half": float(np.abs(rise - 0.5).mean()),
        "mean_mass": float(mass.mean()),
    }


def _write_knowledge(
    folder: Path, questions: list[KnowledgeQuestion], asked: list[Asked], scores: list[np.ndarray]
) -> dict[str, JsonValue]:
    """Write the answer chosen of each question: the likeliest per token."""
    rows: list[dict[str, JsonValue]] = []
    for question, tokens, own in zip(questions, asked, scores, strict=True):
        per_token = own / [len(answer) for answer in tokens.answers]
        chosen = {"right": question.right, "chosen": int(per_token.argmax()), "n_answers": len(question.answers)}
        rows.append({"id": question.id, "group": question.group, **chosen})
    (folder / "knowledge.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return {"n_knowledge": len(rows), "n_right": sum(row["right"] == row["chosen"] for row in rows)}
