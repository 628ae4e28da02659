"""Forecasts brought along beside baselines and beside each other, on the rows that both cover."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tasks.evaluate.intervals import Figures, Key, Mean
from tasks.evaluate.rows import DirectionRows
from tasks.evaluate.scores import RowScores
from tasks.schemas.direction import QUOTED, Comparison, SplitName

PLANTED = "planted"
"""The control is shown the outcome: nothing is compared with it."""
Scored = Mapping[tuple[str, SplitName], RowScores]


def compared_pairs(brought: Sequence[str], baselines: Sequence[str]) -> list[tuple[str, str]]:
    """Each forecast brought along with each baseline, and with each one before it."""
    return [
        (name, reference)
        for place, name in enumerate(brought)
        for reference in (*(own for own in baselines if own != PLANTED), *brought[:place])
    ]


def paired_means(pair: tuple[str, str], scored: Scored) -> Iterator[tuple[Key, Mean]]:
    """Both accuracies on the rows of the chronological hold-out that both cover, and the row-wise difference."""
    one, other = (scored[name, QUOTED] for name in pair)
    rows, in_one, in_other = np.intersect1d(one.forecast.test, other.forecast.test, return_indices=True)
    right = one.right[in_one], other.right[in_other]
    for which, values, bounds in (
        ("own", right[0], (0.0, 1.0)),
        ("reference", right[1], (0.0, 1.0)),
        ("difference", right[0] - right[1], (-1.0, 1.0)),
    ):
        yield ("paired", *pair, which), Mean(rows, values, bounds)


def comparison(pair: tuple[str, str], scored: Scored, figures: Figures, rows: DirectionRows) -> Comparison:
    """The figures of `paired_means`."""
    one, other = (scored[name, QUOTED].forecast.test for name in pair)
    shared = np.intersect1d(one, other)
    return Comparison(
        model=pair[0],
        reference=pair[1],
        n_rows=len(shared),
        n_days=rows.labels["date"].iloc[shared].nunique(),
        accuracy=figures["paired", *pair, "own"],
        reference_accuracy=figures["paired", *pair, "reference"],
        difference=figures["paired", *pair, "difference"],
    )
