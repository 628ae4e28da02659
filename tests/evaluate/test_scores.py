"""Known answers of the figures, and what they may not depend on."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.errors import BadForecast
from tasks.evaluate.forecasts import Forecast
from tasks.evaluate.intervals import Figures, Mean
from tasks.evaluate.kept import select
from tasks.evaluate.measure import measure_direction
from tasks.evaluate.rows import DirectionRows, direction_rows
from tasks.evaluate.scores import calibration, means_of, row_scores
from tasks.schemas.direction import DirectionScores
from tests.evaluate.panels import made_panel, made_rows

KEY = ("made", "chronological")


def scored(probability: list[float], outcome: list[float], **config: object) -> dict[str, float]:
    """Every mean of a forecast on as many rows, and the number of rows it is of."""
    rows = made_rows()
    values = np.array([*outcome, *rows.outcome[len(outcome) :]])
    rows = DirectionRows(rows.labels, rows.numeric, values)
    test = np.arange(len(outcome))
    forecast = Forecast(test, np.array(probability), np.empty(0))
    own = row_scores(
        KEY, forecast, rows, np.zeros(len(values), dtype=bool), EvaluateConfig(certainties=(0.9,), **config)
    )
    return {key[2] if len(key) == 3 else key[2:]: (mean.values.mean(), len(mean.rows)) for key, mean in means_of(own)}


def test_accuracy_brier_and_profit_by_hand():
    found = scored([0.9, 0.2, 0.5, 0.6], [0.01, -0.02, 0.03, -0.04], cost_bps=2.0)
    # Right, right, half, wrong.
    assert found["accuracy"] == (pytest.approx(2.5 / 4), 4)
    assert found["brier"] == (pytest.approx((0.01 + 0.04 + 0.25 + 0.36) / 4), 4)
    # Long 1 %, short a fall of 2 %, no trade, long a fall of 4 %: in hundredths of a percent, less two costs each.
    assert found["gross"] == (pytest.approx((100 + 200 - 400) / 3), 3)
    assert found["net"] == (pytest.approx((100 + 200 - 400) / 3 - 4), 3)
    assert found["by_certainty", 0, "accuracy"] == (1.0, 1)


def test_outcomes_of_zero_are_counted_and_neither_fitted_on_nor_scored():
    rows = made_rows()
    outcome = np.where(np.arange(len(rows.outcome)) % 7, rows.outcome, 0.0)
    config = EvaluateConfig(models=("majority",), n_draws=20)
    found = measure_direction(DirectionRows(rows.labels, rows.numeric, outcome), config)
    for split, facts in found.splits.items():
        assert found.models["majority"].splits[split].n_rows == facts.n_test_rows - found.n_zero[split]
    assert found.n_zero["shuffled"] + found.n_zero_train["shuffled"] == int((outcome == 0).sum())


def test_calibration_counts_every_row_once_with_both_ends_inside():
    bins = calibration(np.array([0.0, 0.05, 0.1, 0.95, 1.0]), np.array([False, True, True, False, True]))
    assert [found.n_rows for found in bins] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert (bins[0].mean_probability, bins[0].share_up) == (pytest.approx(0.025), 0.5)
    assert bins[3].share_up is None


def test_a_threshold_keeps_the_share_it_was_asked_for_on_the_tuning_rows_and_looks_at_no_other():
    rng = np.random.default_rng(0)
    tuning = rng.random(1_000)
    config = EvaluateConfig(kept_shares=(1.0, 0.2))
    one, other = (select(Forecast(np.arange(50), rng.random(50), tuning), config)[0] for _ in range(2))
    assert [own.certainty for own in one] == [own.certainty for own in other]
    assert (np.maximum(tuning, 1 - tuning) >= one[1].certainty).mean() == pytest.approx(0.2, abs=0.002)
    assert one[0].is_kept.all()


def test_a_forecast_brought_along_is_a_row_of_the_same_tables():
    panel = made_panel(n_days=80)
    knows = np.where(panel["target"] > 0, 0.9, 0.1)
    rows = direction_rows(panel, EvaluateConfig(), {"sft": knows})
    found = measure_direction(rows, EvaluateConfig(models=("majority",), n_draws=20)).models
    assert list(found) == ["majority", "sft"]
    assert list(found["sft"].splits) == ["chronological"]
    own = found["sft"].splits["chronological"]
    assert (own.accuracy.point, own.accuracy.by_date) == (1.0, None)
    assert own.accuracy.why_none == "its rows score the same, and their spread is no measure of error"
    assert own.brier.point == pytest.approx(0.01)
    assert found["sft"].premium == {}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("sft", lambda p: p[:-1], r"forecast 'sft' has shape \(899,\), and the panel 900 rows"),
        ("sft", lambda p: p + 1, r"forecast 'sft' has 900 values outside of 0 to 1, such as 1.5"),
        (
            "sft",
            lambda p: np.where(np.arange(900) % 60 >= 36, np.nan, p),
            "'sft' is missing in all 360 hold-out rows",
        ),
        ("majority", lambda p: p, "forecast 'majority' has the name of a baseline"),
    ],
)
def test_a_forecast_that_cannot_be_scored_is_refused_by_name(name, change, message):
    config = EvaluateConfig(models=("majority",), n_draws=20)
    with pytest.raises(BadForecast, match=message):
        measure_direction(direction_rows(made_panel(), config, {name: change(np.full(900, 0.5))}), config)


def test_the_same_panel_gives_the_same_figures_and_another_seed_another_shuffled_split():
    rows, config = made_rows(), EvaluateConfig(models=("look-up",), n_draws=20)
    one, other = (measure_direction(rows, config) for _ in range(2))
    assert one == other
    seeded = measure_direction(rows, config.model_copy(update={"seed": 1}))
    assert seeded.models["look-up"].splits["shuffled"] != one.models["look-up"].splits["shuffled"]
    assert DirectionScores.model_validate_json(one.model_dump_json()) == one


# After a change of these numbers raise REVISION in tasks/evaluate/config.py.
def test_a_probability_beside_one_half_is_neither_direction():
    rows = made_rows(n_days=80)
    leans = np.full(len(rows.outcome), 0.5 + 1e-9)
    leans[::2] = 0.5 - 1e-9
    own = measure_direction(replace(rows, brought={"made": leans}), EvaluateConfig(models=("majority",), n_draws=20))
    scores = own.models["made"].splits["chronological"]
    assert (scores.accuracy.point, scores.n_even) == (0.5, scores.n_rows)


def test_the_figures_of_this_revision():
    found = measure_direction(made_rows(n_days=80), EvaluateConfig(n_draws=20)).models
    points = {
        name: [round(own.splits[split].accuracy.point, 4) for split in ("shuffled", "chronological")]
        for name, own in found.items()
    }
    assert points == {
        "majority": [0.475, 0.3937],
        "momentum": [0.5042, 0.5062],
        "logistic": [0.4833, 0.4292],
        "boosting": [0.4667, 0.4625],
        "look-up": [0.8146, 0.5],
        "planted": [0.9792, 0.9833],
    }


def covers(seed: int, n_draws: int) -> tuple[bool, bool, bool]:
    """Whether intervals hold the accuracy, one half, of a forecast that favours some currencies for no reason.

    By date, two-way, and as if rows were independent.
    """
    rows = made_rows(n_days=80, n_currencies=8, seed=seed, shared=0.5)
    favour = np.random.default_rng(seed + 10_000).permutation(8)
    first, second = (rows.labels[leg].str[1:].astype(int).to_numpy() for leg in ("leg_1", "leg_2"))
    right = (favour[first] > favour[second]) == rows.is_up
    means = {("made",): Mean(np.arange(len(right)), right.astype(float), (0.0, 1.0))}
    found = Figures(rows, means, EvaluateConfig(n_draws=n_draws))[("made",)]
    half_width = 1.96 * np.sqrt(0.25 / len(right))
    ends = (found.by_date, found.two_way, (found.point - half_width, found.point + half_width))
    return tuple(low <= 0.5 <= high for low, high in ends)


def test_intervals_cover_under_shocks_of_the_day_and_binomial_ones_do_not():
    by_date, two_way, binomial = np.mean([covers(seed, n_draws=20) for seed in range(30)], axis=0)
    assert by_date >= 0.85
    assert two_way >= 0.9
    assert binomial <= 0.6


@pytest.mark.slow
def test_intervals_cover_at_their_nominal_rate():
    by_date, two_way, binomial = np.mean([covers(seed, n_draws=120) for seed in range(400)], axis=0)
    assert by_date >= 0.9
    assert two_way >= 0.95
    assert binomial <= 0.6
