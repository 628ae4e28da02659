"""Measured premiums against formulas: a column of which it is planted what it knows, and days of which it is not."""

from datetime import date

import numpy as np
import pytest

from tasks.panel.sources.planted import planted_premium
from tasks.premium.inference.evaluate import Scheme, score
from tasks.premium.reference.splits import chronological
from tasks.sampling.splitters.disjoint import stock_disjoint
from tests.premium.planted import date_shock_on, known_shares, planted_scores, tent
from tests.simulations.tent import CUT, FIRST_DAY, KNOWLEDGE_ENDS, LAST_DAY, simulated_premiums

FACTS = (0.0, 0.041, 0.092, 0.166, 0.076, 0.0)
"""The facts' tent at r = 0.10."""


def within_three_errors(values: np.ndarray, truth: float) -> bool:
    return abs(values.mean() - truth) < 3 * values.std(ddof=1) / np.sqrt(len(values))


def test_the_tent_of_the_facts_comes_from_the_span_of_the_jpx_prices():
    """FIRST_DAY and LAST_DAY; the facts' own days start a few later, whence 0.092 for 0.093."""
    premiums = [premium for _, premium in tent(0.10, KNOWLEDGE_ENDS, FIRST_DAY, LAST_DAY, CUT)]
    assert premiums == pytest.approx(FACTS, abs=1.1e-3)


@pytest.mark.parametrize("end", KNOWLEDGE_ENDS)
@pytest.mark.parametrize("r", [0.10, 0.40])
def test_a_planted_premium_lies_within_three_standard_errors_of_the_formula(r, end):
    truth = tent(r, [end], FIRST_DAY, LAST_DAY, CUT)[0][1]
    assert within_three_errors(simulated_premiums(r, end, n_panels=24, n_stocks=12, seed=1), truth)


@pytest.mark.parametrize(("kappa", "theta"), [(0.2, 0.6), (0.5, 0.5), (0.0, 0.75)])
def test_knowledge_need_not_end_on_one_day(kappa, theta):
    """Rows known at random, 80 % of all rows in train: pi = 0.8 kappa + 0.2 theta."""
    rng = np.random.default_rng(0)
    n_stocks, n_days, n_train_days = 80, 100, 80
    day = np.tile(np.arange(n_days), n_stocks)
    folds = stock_disjoint(np.repeat(np.arange(n_stocks), n_days), 5)
    schemes = [Scheme("on", [[fold] for fold in folds]), Scheme("off", [[chronological(day < n_train_days)]])]
    found = []
    for _ in range(24):
        target = rng.normal(size=n_stocks * n_days)
        is_known = rng.random(len(day)) < np.where(day < n_train_days, kappa, theta)
        noise = rng.normal(size=len(day))
        column = np.where(is_known, np.sqrt(0.3) * target + np.sqrt(0.7) * noise, noise)
        found.append(score(column[:, None], target, schemes).r2[0, 0])
    on, off = np.array(found).T
    expected_on, expected_off = planted_scores(0.3, 0.8 * kappa + 0.2 * theta, kappa, theta)
    assert within_three_errors(on, expected_on)
    assert within_three_errors(off, expected_off)


def test_a_model_that_knows_everything_scores_like_one_that_knows_nothing():
    nothing, everything = (known_shares(end, FIRST_DAY, LAST_DAY, CUT) for end in (date(2016, 12, 31), LAST_DAY))
    assert (nothing, everything) == ((0, 0, 0), (1, 1, 1))
    assert planted_scores(0.1, *nothing) == (0, 0)
    assert planted_scores(0.1, *everything) == (0.1, 0.1)


def test_the_ladder_is_a_tent_with_its_peak_at_the_cut():
    ends = [date(year, month, 28) for year in range(2017, 2022) for month in range(1, 13)]
    premiums = [premium for _, premium in tent(0.1, [*ends, CUT], FIRST_DAY, LAST_DAY, CUT)]
    peak = premiums.pop()
    before = sum(end <= CUT for end in ends)
    assert premiums[:before] == sorted(premiums[:before])
    assert premiums[before:] == sorted(premiums[before:], reverse=True)
    assert max(premiums) < peak


@pytest.mark.parametrize(("correlation", "alpha"), [(0.3, 1.0), (0.3, 8.0), (0.0, 1.0), (0.7, 3.0)])
def test_one_hot_days_gain_on_shared_shocks_what_the_formula_says(correlation, alpha):
    """20 stocks on 150 days in five folds: m = 16 train rows per day."""
    rng = np.random.default_rng(0)
    n_stocks, n_days = 20, 150
    stocks, day = np.divmod(np.arange(n_stocks * n_days), n_days)
    on = [Scheme("on", [[fold] for fold in stock_disjoint(stocks, 5)])]
    found = []
    for _ in range(24):
        own, shock = rng.normal(size=len(day)), rng.normal(size=n_days)[day]
        target = np.sqrt(correlation) * shock + np.sqrt(1 - correlation) * own
        found.append(score(np.eye(n_days)[day], target, on, alpha=alpha).r2[0, 0, 0])
    assert within_three_errors(np.array(found), date_shock_on(correlation, 16, alpha))


def test_the_panel_and_the_ladder_name_the_same_premium():
    for shares in ((0.3, 0.4, 0.0), (0.9, 1.0, 0.5), (1.0, 1.0, 1.0)):
        on, off = planted_scores(0.1, *shares)
        assert planted_premium(0.1, *shares) == pytest.approx(on - off, abs=1e-15)
