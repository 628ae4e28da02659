"""Bits of documents under a language model, in windows where a document is longer than the context."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from tasks.common.threads import Workers
from tasks.forward.batches import Ids, in_batches, pad_right
from tasks.forward.errors import AnswerNotFinite

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Window:
    """Tokens of a document that are read at once.

    Args:
        document: Its position.
        start: First token read.
        scored: First token scored; those before it are context.
        end: One past the last.
    """

    document: int
    start: int
    scored: int
    end: int


def windows(document: int, n_tokens: int, n_leading: int, longest: int) -> Iterator[Window]:
    """Windows of a document that score each token once.

    After the first window, half of each is context, so that a token is predicted from half a window at least. Nothing
    precedes the first token: it is not scored unless leading ids come before it.

    Args:
        document: Its position.
        n_tokens: Of the document, leading ids included.
        n_leading: Ids before the text, which are not scored.
        longest: Tokens of a window, at least 2.
    """
    scored = max(1, n_leading)
    while scored < n_tokens:
        start = 0 if scored < longest else scored - longest // 2
        end = min(start + longest, n_tokens)
        yield Window(document, start, scored, end)
        scored = end


def document_bits(
    model: "PreTrainedModel",
    documents: Sequence[Ids],
    n_leading: int,
    longest: int,
    tokens_per_batch: int,
    workers: Workers,
) -> np.ndarray:
    """Bits of each document: the sum of -log2 p over its scored tokens.

    Args:
        model: A causal language model.
        documents: Token ids, leading ids included.
        n_leading: Ids before each text.
        longest: Tokens of a window.
        tokens_per_batch: Limit of a batch, padding included.
        workers: Compute the batches; their number changes no bit.

    Returns:
        (n_documents,) float64.

    Raises:
        AnswerNotFinite: If one is NaN or infinite.
    """
    todo = [own for at, ids in enumerate(documents) for own in windows(at, len(ids), n_leading, longest)]
    found = np.zeros(len(todo))
    lengths = [own.end - own.start for own in todo]
    batches = in_batches(
        lambda rows: _bits(model, [todo[row] for row in rows], documents),
        lengths,
        tokens_per_batch,
        workers,
        "probe: documents",
    )
    for rows, bits in batches:
        found[rows] = bits
    # Window by window, so that the order of the sum is not that of the batches.
    total = np.bincount([own.document for own in todo], weights=found, minlength=len(documents))
    if bad := np.flatnonzero(~np.isfinite(total)).tolist():
        raise AnswerNotFinite(
            f"{len(bad)} of {len(documents)} documents have a probability that is NaN or 0, number {bad[0]} first. The "
            "model is broken or its number format too narrow; of a model that was merged here, look at the merge's "
            "facts."
        )
    return total


def _bits(model: "PreTrainedModel", own: Sequence[Window], documents: Sequence[Ids]) -> list[float]:
    import torch

    padded, mask = pad_right([documents[each.document][each.start : each.end] for each in own])
    with torch.inference_mode():
        logits = model(
            input_ids=torch.from_numpy(padded).to(model.device),
            attention_mask=torch.from_numpy(mask).to(model.device),
            use_cache=False,
        ).logits
        return [
            _window_bits(each, documents[each.document][each.scored : each.end], scores)
            for each, scores in zip(own, logits, strict=True)
        ]


def _window_bits(window: Window, targets: Ids, logits: "torch.Tensor") -> float:
    """From (n_positions, vocabulary) logits of the window's tokens."""
    import torch

    predicted_from = logits[window.scored - 1 - window.start : window.end - 1 - window.start].float()
    own = torch.tensor(list(targets), device=logits.device)
    nats = torch.nn.functional.cross_entropy(predicted_from, own, reduction="none")
    return float(nats.double().sum()) / log(2)
