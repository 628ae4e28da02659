"""Batches of sentences of like length, so that little is padded."""

from collections.abc import Sequence

import numpy as np

from tasks.embed.errors import UnusablePrompt


def batch_by_length(lengths: Sequence[int], tokens_per_batch: int) -> list[np.ndarray]:
    """Group rows by length, longest first.

    Longest first: what does not fit into memory fails in the first second, not in the last.

    Args:
        lengths: Tokens of each row, at least 1.
        tokens_per_batch: Bound on rows times longest row of a batch; one row alone may exceed it.

    Returns:
        Row indices of each batch; every row is in one.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    batches, start = [], 0
    while start < len(order):
        n_rows = max(1, tokens_per_batch // lengths[order[start]])
        batches.append(order[start : start + n_rows])
        start += n_rows
    return batches


def pad_right(ids: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Pad rows on the right, where a causal model looks last.

    Returns:
        (n_rows, n_longest) int64 ids and mask; the padding's id is 0, which the mask hides.
    """
    mask = np.arange(max(map(len, ids))) < np.array([[len(row)] for row in ids])
    padded = np.zeros(mask.shape, dtype=np.int64)
    padded[mask] = np.concatenate(ids)
    return padded, mask.astype(np.int64)


def refuse_unusable(lengths: Sequence[int], max_tokens: int, column: str = "prompt") -> None:
    """Refuse sentences that have no last token, or would have to be cut.

    Args:
        lengths: Tokens of each row's sentence.
        max_tokens: Longest sentence allowed.
        column: Which of the panel's sentences they are.

    Raises:
        UnusablePrompt: Naming the first row.
    """
    for row, length in enumerate(lengths):
        if not 1 <= length <= max_tokens:
            raise UnusablePrompt(
                f"{column} of panel row {row} has {length} tokens, between 1 and max_tokens={max_tokens} are allowed. "
                "Raise max_tokens, or correct the panel's sentence."
            )
