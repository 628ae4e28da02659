"""Scores of one model on two-way draws."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tasks.premium.chunks import in_chunks
from tasks.premium.inference.evaluate import Scheme, Scored, score
from tasks.sampling.arrays import FloatArray
from tasks.sampling.two_way import DRAWS_PER_CHUNK, TwoWayDraws


def score_two_way(
    model: str,
    columns: FloatArray,
    targets: FloatArray,
    schemes: Sequence[Scheme],
    draws: TwoWayDraws,
    n_draws: int,
    alpha: float = 1.0,
    penalty: float | None = None,
    work_dir: Path | None = None,
) -> Scored:
    """Score one model's columns on every draw; weights change from draw to draw, splits do not.

    Args as in `score`; `model` names progress and the chunks kept in `work_dir`.

    Returns:
        As `score` does, of all draws.
    """

    def chunk(start: int, stop: int) -> FloatArray:
        scored = score(columns, targets, schemes, draws.take(start, stop), alpha, penalty)
        return np.column_stack([scored.r2.reshape(stop - start, -1), scored.n_refits])

    what = f"two-way draws of {model}, {columns.shape[1]} columns"
    table = in_chunks(what, n_draws, DRAWS_PER_CHUNK, work_dir, chunk)
    return Scored(table[:, :-1].reshape(n_draws, -1, len(schemes)), table[:, -1])
