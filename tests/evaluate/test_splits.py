"""What a split may train on, and what a price after the hold-out's first day may change."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.forecasts import Forecast, fit_baselines
from tasks.evaluate.rows import DirectionRows, direction_rows
from tasks.evaluate.splits import Tuned, direction_splits
from tasks.panel.build import build_panel
from tasks.panel.sources import reader
from tasks.sampling.cut import find_cut
from tasks.sampling.errors import BadHoldout
from tests.evaluate.panels import made_rows, window

ROWS = made_rows()


def splits_of(rows: DirectionRows, config: EvaluateConfig) -> dict[str, Tuned]:
    return direction_splits(rows, find_cut(rows.labels["date"], config), config)


def days_used(rows: DirectionRows, positions: np.ndarray) -> set[pd.Timestamp]:
    """Every calendar day from a row's own to its label's last."""
    labels = rows.labels.iloc[positions]
    return {
        day
        for start, end in set(zip(labels["date"], labels["label_until"], strict=True))
        for day in pd.date_range(start, end)
    }


@settings(deadline=None, max_examples=25)
@given(st.floats(0.1, 0.6), st.integers(0, 9), st.floats(0.1, 0.6))
def test_no_label_of_a_chronological_train_row_reaches_the_rows_it_is_tested_or_tuned_on(share, embargo, tuning):
    config = EvaluateConfig(holdout_share=share, embargo_days=embargo, tuning_share=tuning)
    chronological = splits_of(ROWS, config)["chronological"]
    for split in (chronological.split, chronological.inner):
        first = ROWS.labels["date"].iloc[split.test].min()
        last = max(days_used(ROWS, split.train))
        assert last < first
        assert ROWS.labels["date"].iloc[split.train].max() < first - pd.Timedelta(days=embargo)
    assert set(chronological.inner.test) <= set(chronological.split.train)


def test_the_other_two_splits_leak_by_design():
    splits = splits_of(ROWS, EvaluateConfig())
    for name in ("shuffled", "overlapping"):
        split = splits[name].split
        assert days_used(ROWS, split.train) & set(ROWS.labels["date"].iloc[split.test])
    assert set(splits["overlapping"].split.test) == set(splits["chronological"].split.test)


@pytest.mark.parametrize("name", ["shuffled", "overlapping", "chronological"])
def test_a_row_is_on_one_side_of_a_split_at_most(name):
    tuned = splits_of(ROWS, EvaluateConfig())[name]
    for split in (tuned.split, tuned.inner):
        sides = np.concatenate([split.train, split.test, split.purged])
        assert len(np.unique(sides)) == len(sides)
    assert not set(tuned.inner.test) & set(tuned.split.test)


def test_days_between_the_trainings_end_and_the_hold_out_are_on_neither_side():
    config = EvaluateConfig(train_until=date(2020, 2, 14), holdout_from=date(2020, 3, 2))
    split = splits_of(ROWS, config)["chronological"].split
    days = ROWS.labels["date"]
    assert days.iloc[split.train].max() == pd.Timestamp(2020, 2, 14)
    assert days.iloc[split.test].min() == pd.Timestamp(2020, 3, 2)


LAST_DAY = date(2015, 6, 30)
CONFIG = EvaluateConfig(models=("momentum", "boosting", "look-up"))


def forecasts_with(monkeypatch: pytest.MonkeyPatch, later_than: pd.Timestamp | None) -> tuple[DirectionRows, dict]:
    """Forecasts on real pairs whose rates after a day are others."""
    rates = reader.euro_rates().loc["2014-06":"2015-07"].copy()
    if later_than is not None:
        is_later = rates.index > later_than
        noise = np.random.default_rng(1).normal(0, 0.05, (int(is_later.sum()), rates.shape[1]))
        rates.loc[is_later] *= np.exp(noise)
    with monkeypatch.context() as patched:
        patched.setattr(reader, "euro_rates", lambda: rates)
        rows = direction_rows(build_panel(window(LAST_DAY)).rows, CONFIG)
    splits = splits_of(rows, CONFIG)
    return rows, fit_baselines(rows, {name: splits[name] for name in ("overlapping", "chronological")}, CONFIG)


def on_day(rows: DirectionRows, forecast: Forecast, day: pd.Timestamp) -> np.ndarray:
    return forecast.probability[(rows.labels["date"].iloc[forecast.test] == day).to_numpy()]


def test_prices_after_the_hold_outs_first_day_change_no_baseline(monkeypatch):
    rows, before = forecasts_with(monkeypatch, None)
    first = pd.Timestamp(find_cut(rows.labels["date"], CONFIG).holdout_from)
    others, after = forecasts_with(monkeypatch, first)
    assert (others.outcome != rows.outcome).any()
    for name in CONFIG.models:
        key = (name, "chronological")
        np.testing.assert_array_equal(on_day(others, after[key], first), on_day(rows, before[key], first))
        np.testing.assert_array_equal(after[key].tuning, before[key].tuning)
    # The overlapping split's last train labels end after that day.
    key = ("boosting", "overlapping")
    assert (on_day(others, after[key], first) != on_day(rows, before[key], first)).any()


def test_a_hold_out_that_starts_before_the_training_ends_is_refused_by_both_days():
    with pytest.raises(
        ValueError, match="holdout_from=2020-02-03 is not after train_until=2020-02-14, so that the hold"
    ):
        EvaluateConfig(holdout_from=date(2020, 2, 3), train_until=date(2020, 2, 14))
    # By share, the hold-out's first day is known with the panel.
    late = EvaluateConfig(train_until=date(2020, 3, 20))
    with pytest.raises(BadHoldout, match=r"starts on 2020-02-20, and the training ends on train_until=2020-03-20"):
        find_cut(ROWS.labels["date"], late)


@pytest.mark.parametrize("day", [date(2019, 12, 1), date(2020, 1, 1), date(2020, 6, 1)], ids=str)
def test_a_hold_out_outside_of_the_panels_days_is_refused_with_them(day):
    with pytest.raises(BadHoldout, match=f"starts on {day} .* the panel's days are 2020-01-01 to 2020-03-24"):
        find_cut(ROWS.labels["date"], EvaluateConfig(holdout_from=day))


def test_an_embargo_that_leaves_no_train_row_is_refused():
    config = EvaluateConfig(embargo_days=300)
    with pytest.raises(BadHoldout, match=r"cannot split these rows by day: .* has 0 rows to fit on"):
        splits_of(ROWS, config)


def test_rows_of_one_direction_cannot_be_fitted():
    rows = made_rows()
    rising = DirectionRows(rows.labels, rows.numeric, np.abs(rows.outcome) + 1e-6)
    config = EvaluateConfig(models=("majority",))
    with pytest.raises(BadHoldout, match="720 of 720 rows to fit on are rises, on the shuffled split"):
        fit_baselines(rising, splits_of(rising, config), config)


def test_the_cut_by_share_counts_days_and_not_rows():
    days = pd.Series(pd.to_datetime(["2020-01-01"] * 9 + ["2020-01-02", "2020-01-03", "2020-01-04", "2020-01-05"]))
    cut = find_cut(days, EvaluateConfig(holdout_share=0.4))
    assert cut.holdout_from == date(2020, 1, 4)
    assert cut.train_until == cut.holdout_from - timedelta(days=1)
