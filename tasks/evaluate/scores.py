"""A model's figures on one split: which means they are, and how they are put together."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.forecasts import Forecast
from tasks.evaluate.intervals import Figures, Key, Mean
from tasks.evaluate.kept import Selection, select
from tasks.evaluate.rows import DirectionRows
from tasks.sampling.arrays import BoolArray, FloatArray
from tasks.schemas.direction import CalibrationBin, Kept, SplitName, SplitScores

N_BINS = 10
"""Of the calibration table, between probabilities of 0 and 1."""
BPS = 1e4
SIDES = 2
"""A trade is opened and closed."""
EVEN = 1e-6
"""Distance from one half that counts as none. Where evidence cancels out, as the look-up's of a day may, a solver stops
beside one half, and on which side depends on the processor."""
By = Literal["by_share", "by_certainty"]


@dataclass(frozen=True, eq=False)
class RowScores:
    """One forecast's hold-out rows, each with what it scores.

    Args:
        forecast: The probabilities.
        right: (n_test,) 1 where the likelier direction came, 0 where the other did, 1/2 where neither is likelier.
        squared: (n_test,) squared error of the probability, whose mean is the Brier score.
        gross: (n_test,) return of a trade in the likelier direction, in basis points; NaN where neither is likelier.
        is_up: (n_test,) whether the outcome is a rise.
        is_pegged: (n_test,) whether the row's pair is.
        selections: By how their thresholds are given.
        key: Model and split.
        cost_bps: Of both sides of a trade.
    """

    forecast: Forecast
    right: FloatArray
    squared: FloatArray
    gross: FloatArray
    is_up: BoolArray
    is_pegged: BoolArray
    selections: dict[By, list[Selection]]
    key: tuple[str, SplitName]
    cost_bps: float


def row_scores(
    key: tuple[str, SplitName], forecast: Forecast, rows: DirectionRows, is_pegged: BoolArray, config: EvaluateConfig
) -> RowScores:
    """Score each row of a forecast's hold-out.

    Args:
        key: Model and split.
        forecast: The probabilities.
        rows: The panel.
        is_pegged: (n_rows,) of the panel.
        config: Thresholds and costs.
    """
    test, probability = forecast.test, forecast.probability
    is_up, lean = rows.is_up[test], probability - 0.5
    direction = np.where(np.abs(lean) <= EVEN, 0.0, np.sign(lean))
    by_share, by_certainty = select(forecast, config)
    return RowScores(
        forecast=forecast,
        right=np.where(direction == 0, 0.5, (direction > 0) == is_up),
        squared=(probability - is_up) ** 2,
        gross=np.where(direction == 0, np.nan, BPS * direction * rows.outcome[test]),
        is_up=is_up,
        is_pegged=is_pegged[test],
        selections={"by_share": by_share, "by_certainty": by_certainty},
        key=key,
        cost_bps=SIDES * config.cost_bps,
    )


def means_of(own: RowScores) -> Iterator[tuple[Key, Mean]]:
    """Every mean that is one of the forecast's figures."""
    everything, net = np.ones(len(own.right), dtype=bool), own.gross - own.cost_bps
    yield (*own.key, "accuracy"), _share(own, own.right, everything)
    yield (*own.key, "brier"), _share(own, own.squared, everything)
    yield (*own.key, "gross"), _mean(own, own.gross, everything)
    yield (*own.key, "net"), _mean(own, net, everything)
    yield (*own.key, "without pegs"), _share(own, own.right, ~own.is_pegged)
    for by, selections in own.selections.items():
        for place, chosen in enumerate(selections):
            yield (*own.key, by, place, "accuracy"), _share(own, own.right, chosen.is_kept)
            yield (*own.key, by, place, "net"), _mean(own, net, chosen.is_kept)
            yield (*own.key, by, place, "without pegs"), _share(own, own.right, chosen.is_kept & ~own.is_pegged)


def split_scores(own: RowScores, figures: Figures, rows: DirectionRows) -> SplitScores:
    """The forecast's figures.

    Args:
        own: Its rows.
        figures: All means, those of `means_of` among them.
        rows: The panel.
    """
    days = rows.labels["date"].to_numpy()[own.forecast.test]

    def kept(by: By) -> list[Kept]:
        return [
            Kept(
                asked_share=chosen.asked_share,
                certainty=chosen.certainty,
                n_rows=int(chosen.is_kept.sum()),
                n_days=len(np.unique(days[chosen.is_kept])),
                share=float(chosen.is_kept.mean()),
                accuracy=figures[(*own.key, by, place, "accuracy")],
                net_bps=figures[(*own.key, by, place, "net")],
                n_rows_without_pegs=int((chosen.is_kept & ~own.is_pegged).sum()),
                accuracy_without_pegs=figures[(*own.key, by, place, "without pegs")],
            )
            for place, chosen in enumerate(own.selections[by])
        ]

    return SplitScores(
        n_rows=len(own.right),
        n_even=int(np.isnan(own.gross).sum()),
        accuracy=figures[(*own.key, "accuracy")],
        brier=figures[(*own.key, "brier")],
        gross_bps=figures[(*own.key, "gross")],
        net_bps=figures[(*own.key, "net")],
        calibration=calibration(own.forecast.probability, own.is_up),
        by_share=kept("by_share"),
        by_certainty=kept("by_certainty"),
    )


def calibration(probability: FloatArray, is_up: BoolArray) -> list[CalibrationBin]:
    """How often the outcome was a rise, by probability of one; bins of equal width.

    Args:
        probability: (n,) of a rise.
        is_up: (n,).
    """
    edges = np.linspace(0, 1, N_BINS + 1)
    bin_of_row = np.clip(np.searchsorted(edges, probability, side="right") - 1, 0, N_BINS - 1)
    found = []
    for number, (low, high) in enumerate(pairwise(edges)):
        inside = bin_of_row == number
        means = [float(values[inside].mean()) if inside.any() else None for values in (probability, is_up)]
        found.append(
            CalibrationBin(
                low=float(low),
                high=float(high),
                n_rows=int(inside.sum()),
                mean_probability=means[0],
                share_up=means[1],
            )
        )
    return found


def _share(own: RowScores, values: FloatArray, chosen: BoolArray) -> Mean:
    """Of values between 0 and 1."""
    return replace(_mean(own, values, chosen), bounds=(0.0, 1.0))


def _mean(own: RowScores, values: FloatArray, chosen: BoolArray) -> Mean:
    """Of the chosen rows that have a value: a row that is not traded has no profit."""
    used = chosen & np.isfinite(values)
    return Mean(own.forecast.test[used], values[used])
