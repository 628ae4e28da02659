"""Log probabilities of given answers after a prompt, by teacher forcing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.common.threads import Workers
from tasks.forward.batches import Ids, in_batches, pad_right
from tasks.forward.errors import AnswerNotFinite
from tasks.forward.questions import Asked

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Text:
    """What the model reads to score answers of one question.

    Args:
        question: Its position.
        n_prompt: Tokens of the prompt.
        ids: The prompt, and what precedes the last token of the answers.
        answers: Positions of the answers that are scored from it.
    """

    question: int
    n_prompt: int
    ids: Ids
    answers: Sequence[int]


def texts_of(questions: Sequence[Asked]) -> Iterator[Text]:
    """What is read to score all answers.

    An answer's last token is predicted and not read. Answers of one token, or that differ in the last one, are scored
    from one reading of the prompt.
    """
    for position, asked in enumerate(questions):
        read = [(*asked.prompt, *answer[:-1]) for answer in asked.answers]
        of_text: dict[tuple[int, ...], list[int]] = {}
        for number, own in enumerate(read):
            longest = max((other for other in read if other[: len(own)] == own), key=len)
            of_text.setdefault(longest, []).append(number)
        for ids, numbers in of_text.items():
            yield Text(position, len(asked.prompt), ids, numbers)


def answer_log_probabilities(
    model: "PreTrainedModel | PeftModel",
    questions: Sequence[Asked],
    tokens_per_batch: int,
    workers: Workers,
    what: str = "forecast",
) -> list[np.ndarray]:
    """The log probability of each answer, summed over its tokens.

    Args:
        model: A causal language model, with or without an adapter.
        questions: Prompts with their answers.
        tokens_per_batch: Limit of a batch, padding included.
        workers: Compute the batches; their number changes no bit.
        what: Names the work in the log.

    Returns:
        (n_answers,) float64 per question.

    Raises:
        AnswerNotFinite: If one is NaN or infinite.
    """
    texts = list(texts_of(questions))
    found = [np.full(len(asked.answers), np.nan) for asked in questions]
    lengths = [len(text.ids) for text in texts]
    for rows, batch in in_batches(
        lambda rows: _score(model, [texts[row] for row in rows], questions),
        lengths,
        tokens_per_batch,
        workers,
        what,
    ):
        for row, scores in zip(rows, batch, strict=True):
            found[texts[row].question][texts[row].answers] = scores
    bad = [asked.name for asked, own in zip(questions, found, strict=True) if not np.isfinite(own).all()]
    if bad:
        raise AnswerNotFinite(
            f"{len(bad)} of {len(questions)} questions have an answer whose log probability is NaN or infinite, "
            f"{bad[0]} first. The model is broken or its number format too narrow; of a model that was merged here, "
            "look at the merge's facts."
        )
    return found


def _score(
    model: "PreTrainedModel | PeftModel", texts: Sequence[Text], questions: Sequence[Asked]
) -> list[list[float]]:
    """Of each text, the summed log probability of each of its answers."""
    import torch

    padded, mask = pad_right([text.ids for text in texts])
    # Of the logits only those from the shortest prompt's end on: all of them would be most of the memory.
    first = min(text.n_prompt for text in texts) - 1
    with torch.inference_mode():
        logits = model(
            input_ids=torch.from_numpy(padded).to(model.device),
            attention_mask=torch.from_numpy(mask).to(model.device),
            use_cache=False,
            logits_to_keep=padded.shape[1] - first,
        ).logits
        return [
            [
                _log_probability(own[text.n_prompt - 1 - first :], questions[text.question].answers[number])
                for number in text.answers
            ]
            for text, own in zip(texts, logits, strict=True)
        ]


def _log_probability(logits: "torch.Tensor", answer: Ids) -> float:
    """Of an answer, from (n_positions, vocabulary) logits whose first position predicts its first token."""
    import torch

    used = logits[: len(answer)].float().log_softmax(dim=-1)
    return float(used[torch.arange(len(answer)), torch.tensor(answer)].double().sum())
