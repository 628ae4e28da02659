"""Date-only recall, its controls, and whether lookahead comes from the rows of certain answers."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from tasks.probe.recall.concentration import concentrations
from tasks.probe.recall.intervals import RowIntervals
from tasks.probe.recall.questions import Answers, AskedRows, variant_scores
from tests.probe.recall.made_answers import write_panel
from tests.simulations.recall import concentration_of

CUTOFF = date(2020, 12, 31)


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> AskedRows:
    table = write_panel(tmp_path_factory.mktemp("panel"))
    return AskedRows(table, table["target"].to_numpy(), RowIntervals(table, n_draws=100, seed=0))


def answers(p_up: np.ndarray) -> Answers:
    return Answers(p_up, np.full(len(p_up), 0.4))


def recalls(rows: AskedRows, known: np.ndarray, seed: int = 0) -> np.ndarray:
    """0.7 in the direction that came on known rows; on the others 0.7 in a random one."""
    rng = np.random.default_rng(seed)
    direction = np.where(known, rows.is_up, rng.random(len(known)) < 0.5)
    return np.where(direction, 0.7, 0.3)


def test_a_model_that_knows_the_days_up_to_its_cutoff_tells_directions_before_it_and_not_after(rows):
    known = rows.days <= np.datetime64(CUTOFF)
    found = variant_scores({"date_only": answers(recalls(rows, known))}, rows, CUTOFF)["date_only"]
    assert found.before.auc.point == 1
    assert found.before.hit_rate.point == 1
    assert found.before.brier.point == pytest.approx(0.09)
    assert found.before.log_odds_gap.point == pytest.approx(2 * np.log(0.7 / 0.3))
    low, high = found.after.auc.by_date
    assert low < 0.5 < high
    assert found.fall.by_date[0] > 0
    assert found.fall.two_way[0] > 0
    assert found.before.n_rows + found.after.n_rows + found.n_across == found.overall.n_rows == 1_440


def test_leaning_to_one_answer_is_a_hit_rate_and_no_recall(rows):
    """A model that always says up: the AUC is one half, whatever the share of rises."""
    found = variant_scores({"date_only": answers(np.full(len(rows.target), 0.8))}, rows, None)["date_only"]
    assert found.overall.auc.point == 0.5
    assert found.overall.hit_rate.point == pytest.approx(found.overall.share_up)
    assert found.overall.log_odds_gap.point == pytest.approx(0)
    assert found.before.auc.point is None
    assert found.before.auc.why_none == "the model's cutoff is unknown"
    assert found.fall.why_none == "the model's cutoff is unknown"


def test_a_control_is_compared_on_the_rows_that_both_were_asked_about(rows):
    known = np.ones(len(rows.target), dtype=bool)
    control = recalls(rows, ~known)
    control[:100] = np.nan
    own = {"date_only": answers(recalls(rows, known)), "date_removed": answers(control)}
    found = variant_scores(own, rows, CUTOFF)
    assert list(found) == ["date_only", "date_removed"]
    assert found["date_removed"].n_asked == 1_340
    assert found["date_removed"].beyond_control.point == pytest.approx(0.5, abs=0.05)
    assert found["date_removed"].beyond_control.two_way[0] > 0.4
    assert found["date_only"].beyond_control.why_none == "it is the question itself"


def test_rows_that_do_not_move_are_counted_and_rows_across_the_cutoff_are_on_neither_side(rows):
    target = rows.target.copy()
    target[:30] = 0.0
    still = AskedRows(rows.labels, target, rows.intervals)
    across = rows.labels["date"].max().date()
    found = variant_scores({"date_only": answers(recalls(rows, rows.is_up))}, still, across)["date_only"]
    assert found.n_flat == 30
    assert found.n_across == 12  # the last day's rows: their targets end after it
    assert found.after.n_rows == 0
    assert found.after.auc.why_none == "no such row was asked about"
    binary = AskedRows(rows.labels, (rows.target > 0).astype(float), rows.intervals)
    assert not binary.is_flat.any()


def test_days_are_drawn_whole_for_their_rows_move_together(rows):
    """A model that knows each day's shared move alone: by date the interval is wider than rows apart would make it."""
    by_day = pd.Series(rows.target).groupby(rows.days).transform("mean").to_numpy()
    noisy = by_day + np.random.default_rng(0).normal(size=len(by_day))
    found = variant_scores({"date_only": answers(1 / (1 + np.exp(-noisy)))}, rows, None)["date_only"].overall
    low, high = found.hit_rate.by_date
    point, n = found.hit_rate.point, found.n_rows
    assert high - low > 1.2 * 2 * 1.96 * (point * (1 - point) / n) ** 0.5


def predictions(rows: AskedRows, gains: np.ndarray) -> pd.DataFrame:
    """`trained` predicts nothing; `base` a part of the target, by row."""
    one = pd.DataFrame({"row": np.arange(len(rows.target)), "fit": "unscaled", "fold": 0, "target": rows.target})
    return pd.concat(
        [one.assign(model="base", disjoint=gains * rows.target, off=np.nan), one.assign(model="trained", disjoint=0.0)]
    )


@pytest.mark.parametrize("is_concentrated", [True, False])
def test_lookahead_of_certain_rows_is_told_from_lookahead_of_all(rows, is_concentrated):
    rng = np.random.default_rng(1)
    certain = rng.random(len(rows.target)) < 0.4
    p_up = np.where(certain, 0.9, 0.52 + 0.02 * rng.random(len(certain)))
    gains = np.where(certain if is_concentrated else rng.random(len(certain)) < 0.4, 0.5, 0.0)
    numbers = np.arange(len(certain))
    (found,) = concentrations(("base", "trained"), answers(p_up), predictions(rows, gains), rows, numbers)
    explained = np.where(gains, 0.75, 0.0) @ rows.target**2 / ((rows.target - rows.target.mean()) ** 2).sum()
    assert found.fit == "unscaled"
    assert found.n_rows == len(certain)
    assert found.lookahead.point == pytest.approx(explained)
    assert (found.difference.by_date[0] > 0) is is_concentrated
    assert (found.slope.two_way[0] > 0) is is_concentrated
    half = (found.certain.point + found.uncertain.point) / 2
    assert half == pytest.approx(found.lookahead.point, abs=0.02)


def test_equal_certainty_has_no_halves_and_rows_without_predictions_do_not_count(rows):
    own = predictions(rows, np.full(len(rows.target), 0.5))
    own.loc[own["row"] < 40, "disjoint"] = np.nan
    even = answers(np.full(len(rows.target), 0.7))
    (found,) = concentrations(("base", "trained"), even, own, rows, np.arange(len(rows.target)))
    assert found.n_rows == 1_400
    assert found.difference.why_none == "certainty is the same on all rows"
    assert found.slope.why_none == "it is the same on all rows"
    assert not list(concentrations(("base", "other"), even, own, rows, np.arange(len(rows.target))))


def test_volatile_rows_of_certain_answers_carry_no_more_where_all_rows_are_known_alike():
    """Every row is known with R2 = 0.05, answers are a coin toss, and more certain of stocks that vary more."""
    above = np.sum([concentration_of(seed, 0.05, 0.05) for seed in range(20)], axis=0)
    assert max(above) <= 3
    # And rows of certain answers that are known better are found.
    assert all(all(concentration_of(seed, 0.15, 0.0)) for seed in range(3))
