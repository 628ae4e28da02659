"""Each control's figures show what it can know."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from tasks.premium.inference import controls
from tasks.premium.inference.controls import one_hot_dates, score_controls
from tasks.premium.inference.evaluate import Scheme, predict, score
from tasks.premium.inference.rank_ic import rank_ic
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.targets import make_targets
from tasks.premium.reference.splits import chronological
from tasks.premium.rows import Rows, beside
from tasks.sampling.arrays import Split
from tasks.sampling.splitters.disjoint import stock_disjoint
from tasks.schemas.scores import ControlFigures
from tests.premium.sample_panels import cut_after, made_rows

CUT = date(2020, 4, 30)
NAMES = ["numerics_only", "one_hot_date", "undated_prompt", "shuffled_rows", "noise"]


@pytest.fixture(scope="module")
def shocked() -> Rows:
    """60 stocks on 100 days; 0.4 of the target's variance is a shock all stocks share on a day."""
    rng = np.random.default_rng(0)
    target = np.sqrt(0.4) * rng.normal(size=100) + np.sqrt(0.6) * rng.normal(size=(60, 100))
    return made_rows(target, base=rng.normal(size=(6000, 8)))


@pytest.fixture(scope="module")
def found(shocked):
    schemes, _ = make_schemes(shocked.labels, cut_after(shocked, 70))
    return {control.name: control for control in scored(shocked, schemes)}


def scored(rows, schemes, seed=123):
    targets = make_targets(rows, CUT, 0.01)
    return score_controls(rows, targets, schemes, 1.0, (1.0,), seed)


def unscaled(control) -> ControlFigures:
    return control.fits["unscaled"]


@pytest.mark.parametrize("fit", ["unscaled", "standardized"])
def test_the_premium_of_a_one_hot_date_is_a_shared_day_effect(found, fit):
    dates = found["one_hot_date"].fits[fit]
    assert dates.premium > 0.3
    assert dates.shared_day_effect == pytest.approx(dates.premium, abs=0.03)
    # Days of the test side are in no train row: nothing is known there.
    assert max(abs(dates.off), abs(dates.date_disjoint), abs(dates.disjoint)) < 0.03


@pytest.mark.parametrize("name", ["numerics_only", "shuffled_rows", "noise"])
def test_columns_that_know_nothing_score_about_nothing_wherever_they_are_asked(found, name):
    assert len(found[name].fits) == 4
    for figures in found[name].fits.values():
        r2 = figures.model_dump()
        # Its first fit has a sixth of the days, and noise costs it more.
        assert abs(r2.pop("walk_forward")) < 0.1
        assert np.abs(list(r2.values())).max() < 0.03


def test_every_control_is_named_and_the_numeric_features_stand_beside_each(found):
    assert list(found) == NAMES
    widths = {name: control.n_columns for name, control in found.items()}
    assert widths == {"numerics_only": 1, "one_hot_date": 101, "undated_prompt": 0, "shuffled_rows": 9, "noise": 9}


def test_a_prompt_that_was_not_embedded_says_so_and_one_that_was_is_scored_as_any_columns_are(shocked, found):
    assert found["undated_prompt"].fits == {}
    assert "set embed.undated" in found["undated_prompt"].why_none

    undated = shocked.states["base"][::-1].copy()
    rows = Rows(shocked.labels, shocked.target, shocked.numeric, shocked.states, {"base": undated})
    schemes, _ = make_schemes(shocked.labels, cut_after(shocked, 70))
    control = unscaled(scored(rows, schemes)[2])
    expected = score(beside(undated, shocked.numeric), shocked.target, schemes).r2[0, 0]
    assert [getattr(control, scheme.name) for scheme in schemes] == pytest.approx(expected, abs=1e-12)


def test_noise_and_permutation_come_from_the_seed_and_from_streams_of_their_own(shocked):
    on = make_schemes(shocked.labels, cut_after(shocked, 70))[0][:2]
    first, same, other = (scored(shocked, on, seed) for seed in (1, 1, 2))
    assert first == same
    assert [one.fits != two.fits for one, two in zip(first, other, strict=True)] == [False, False, False, True, True]


def test_noise_is_as_wide_as_the_states_and_spreads_as_each_of_them_does(shocked):
    states = shocked.states["base"] * np.linspace(0, 7, 8)
    wide = Rows(shocked.labels, shocked.target, shocked.numeric, {"base": states})
    made = controls._noise(wide, np.random.default_rng(0))[:, :8]
    np.testing.assert_allclose(made.std(axis=0), states.std(axis=0), rtol=0.05)


def test_a_figure_that_is_not_defined_is_left_out_with_its_reason_and_the_others_stay(shocked):
    late = shocked.labels["date"] >= shocked.labels["date"].max() - pd.Timedelta(days=20)
    flat = np.where(late, 0.0, shocked.target)
    rows = Rows(shocked.labels, flat, shocked.numeric, shocked.states)
    schemes = [
        Scheme("on", [[fold] for fold in stock_disjoint(rows.stocks, 5)]),
        Scheme("off", [[chronological(~late.to_numpy())]]),
    ]
    for control in scored(rows, schemes):
        for figures in control.fits.values():
            assert (figures.off, figures.premium) == (None, None)
            assert figures.on is not None
            assert "no R2 under off: " in control.why_none


def test_more_days_than_the_bound_are_refused_with_both_numbers(shocked, monkeypatch):
    monkeypatch.setattr(controls, "MAX_DATES", 99)
    assert "100 distinct days would be as many columns, the bound is 99" in one_hot_dates(shocked)


def test_a_one_hot_date_has_a_single_one_per_row_in_the_column_of_its_day(shocked):
    columns = one_hot_dates(shocked)
    assert (columns.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(columns.argmax(axis=1), np.tile(np.arange(100), 60))


def test_what_a_one_hot_date_predicts_orders_no_stocks_within_a_day(shocked):
    on = Scheme("on", [[fold] for fold in stock_disjoint(shocked.stocks, 5)])
    predicted = predict(one_hot_dates(shocked), shocked.target, on)
    # Within a day a prediction differs by fold only: it is higher where the fold's own returns, left out, were lower.
    assert rank_ic(predicted, shocked.target, shocked.labels["date"]).mean < 0


@pytest.fixture
def golden(shared_dir) -> Rows:
    """The real panel's rows; label days do not matter, for the table below was made without a purge."""
    stem = shared_dir / "goldens" / "p1_sp500_all_hash64"
    table = pd.read_csv(f"{stem}_rows.csv.gz", parse_dates=["Date"])
    labels = table[["SecuritiesCode", "Date"]].set_axis(["code", "date"], axis=1)
    numeric = table[["log_close", "log_volume", "ret_5d", "ret_30d", "vol_20d"]].to_numpy()
    return Rows(labels, table["Target"].to_numpy(), numeric, {"base": np.load(f"{stem}_base.npy")})


def test_the_facts_table_of_the_real_panel_comes_out_to_its_three_digits(golden):
    days, day_of_row = np.unique(golden.labels["date"], return_inverse=True)
    blocks = [np.isin(day_of_row, block) for block in np.array_split(np.arange(len(days)), 5)]
    unpurged = [
        Scheme("on", [[fold] for fold in stock_disjoint(golden.stocks, 5)]),
        Scheme("off", [[chronological((golden.labels["date"] <= "2020-12-31").to_numpy())]]),
        Scheme("date_disjoint", [[Split(np.flatnonzero(~own), np.flatnonzero(own))] for own in blocks]),
    ]
    controls = score_controls(golden, make_targets(golden, date(2020, 12, 31), 0.01), unpurged, 1.0, (1.0,), 123)
    found = {control.name: unscaled(control) for control in controls if control.fits}
    for name, on, off, premium, date_disjoint in (
        ("numerics_only", 0.003, -0.012, 0.015, -0.003),
        ("one_hot_date", 0.343, -0.015, 0.358, -0.003),
    ):
        control = found[name]
        ours = [control.on, control.off, control.premium, control.date_disjoint]
        assert ours == pytest.approx([on, off, premium, date_disjoint], abs=5.1e-4)
    assert found["noise"].on < 0 < found["noise"].premium < 0.03
