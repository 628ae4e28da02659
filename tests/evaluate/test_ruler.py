"""The ruler is alive, for it finds a planted signal, and true: without a forecast, only a leaking split lets one score.

The bounds are those of docs/forex.md, where they were measured on 65 windows.
"""

from datetime import date

import pytest

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.measure import measure_direction
from tasks.schemas.direction import DirectionScores
from tests.evaluate.panels import real_rows

CONFIG = EvaluateConfig(models=("boosting", "look-up", "planted"), n_draws=20)


def accuracy(scores: DirectionScores, model: str, split: str) -> float:
    return scores.models[model].splits[split].accuracy.point


@pytest.mark.parametrize(
    "last_day",
    [
        date(2026, 10, 23),
        *(
            pytest.param(day, marks=pytest.mark.slow)
            for day in (date(2001, 12, 6), date(2009, 5, 29), date(2016, 9, 8), date(2020, 4, 30), date(2024, 1, 26))
        ),
    ],
    ids=str,
)
def test_only_a_leaking_split_lets_a_model_without_a_forecast_score(last_day: date) -> None:
    scores = measure_direction(real_rows(last_day), CONFIG)
    assert (scores.n_rows, scores.n_pairs, scores.n_days) == (10_200, 51, 200)
    assert accuracy(scores, "look-up", "shuffled") >= 0.85
    assert 0.45 <= accuracy(scores, "look-up", "chronological") <= 0.55
    assert accuracy(scores, "boosting", "shuffled") >= 0.58
    assert accuracy(scores, "boosting", "chronological") <= 0.55
    assert accuracy(scores, "planted", "chronological") >= 0.95
    low, _ = scores.models["look-up"].premium["shuffled"].by_date
    assert low > 0.3


def test_the_hong_kong_dollars_peg_is_flagged_by_days_before_the_hold_out() -> None:
    scores = measure_direction(real_rows(date(2026, 10, 23)), EvaluateConfig(models=("majority",), n_draws=20))
    assert [peg.pair for peg in scores.pegs] == ["USDHKD"]
    assert scores.pegs[0].of_median < 0.15
    majority = scores.models["majority"]
    # One pair on 80 days.
    n_pegged = majority.splits["chronological"].n_rows - majority.n_rows_without_pegs
    assert 70 <= n_pegged <= 80
