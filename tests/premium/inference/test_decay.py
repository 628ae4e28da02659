"""Figures by distance from a knowledge cutoff."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.errors import UnknownModel
from tasks.premium.inference.decay import decay, span_of_day
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.inference.predictions import PREDICTED, predict_out_of_sample
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.measurement import measure_models
from tasks.premium.rows import Rows
from tasks.schemas.checks import SPANS

N_STOCKS, N_DAYS, N_TRAIN_DAYS = 20, 700, 560
R2 = 0.4
KNOWN_DAYS = 300


@pytest.fixture
def planted(make_rows) -> tuple[Rows, date]:
    """Rows whose column knows the first 300 days and is noise of the same variance after; and the last known day."""
    rng = np.random.default_rng(1)
    target = rng.normal(size=(N_STOCKS, N_DAYS))
    noise = rng.normal(size=target.shape)
    known = np.arange(N_DAYS) < KNOWN_DAYS
    column = np.where(known, np.sqrt(R2) * target + np.sqrt(1 - R2) * noise, noise)
    rows = make_rows(target, N_TRAIN_DAYS, column.reshape(-1, 1))
    return rows, rows.labels["date"].iloc[KNOWN_DAYS - 1].date()


def schemes_of(rows: Rows) -> list[Scheme]:
    return [scheme for scheme in make_schemes(rows.labels, PremiumConfig())[0] if scheme.name in PREDICTED]


def expected_r2_by_row(rows: Rows, cutoff: date) -> np.ndarray:
    """r (2 kappa known - kappa^2), with kappa the known fraction of the train rows of the split that tests a row."""
    known = (rows.labels["date"] <= pd.Timestamp(cutoff)).to_numpy()
    expected = np.full(len(known), np.nan)
    disjoint = next(scheme for scheme in schemes_of(rows) if scheme.name == "disjoint")
    for split in disjoint.splits:
        kappa = known[split.train].mean()
        expected[split.test] = R2 * (2 * kappa * known[split.test] - kappa**2)
    return expected


def test_a_lookahead_that_ends_at_a_cutoff_is_found_before_it_and_is_a_burden_after_it(planted):
    rows, cutoff = planted
    found = decay(rows, predict_out_of_sample(rows.columns("base"), rows.target, schemes_of(rows), 1.0, 1.0), cutoff)
    expected = expected_r2_by_row(rows, cutoff)
    spans = span_of_day(rows.labels["date"], cutoff)
    for fit in ("unscaled", "standardized"):
        before, *after = found.fits[fit][: len(SPANS)]
        assert before.r2.interval[0] > 0.1
        assert before.r2.point == pytest.approx(expected[spans == 0].mean(), abs=0.03)
        assert before.rank_ic.interval[0] > 0.3
        for number, span in enumerate(after, start=1):
            # Nothing is known: what is left is what the fit's slope costs.
            assert expected[spans == number].max() < 0
            assert span.r2.point == pytest.approx(expected[spans == number].mean(), abs=0.03)
            assert span.rank_ic.interval[0] < 0 < span.rank_ic.interval[1]


def test_the_spans_partition_the_tested_rows(planted):
    rows, cutoff = planted
    predictions = predict_out_of_sample(rows.columns("base"), rows.target, schemes_of(rows), 1.0, 1.0)
    bins = decay(rows, predictions, cutoff).fits["unscaled"]
    for split, n_tested in {"disjoint": N_STOCKS * N_DAYS, "off": N_STOCKS * (N_DAYS - N_TRAIN_DAYS)}.items():
        own = [found for found in bins if found.split == split]
        assert [found.span for found in own] == list(SPANS)
        assert sum(found.n_rows for found in own) == n_tested
        assert sum(found.r2.n_days for found in own) == n_tested / N_STOCKS


def test_a_span_with_too_few_days_says_so(planted):
    rows, cutoff = planted
    predictions = predict_out_of_sample(rows.columns("base"), rows.target, schemes_of(rows), 1.0, 1.0)
    before = decay(rows, predictions, cutoff).fits["unscaled"][len(SPANS)]
    assert (before.split, before.n_rows, before.r2.point) == ("off", 0, None)
    assert before.r2.why_none == "0 days of this span are tested, 10 are needed"
    assert before.rank_ic.why_none == "0 days of this span have five stocks to order, 10 are needed"


def test_each_day_is_in_the_span_of_its_distance_counted_by_calendar_months():
    days = pd.Series(pd.date_range("2019-08-01", "2021-12-31"))
    spans = span_of_day(days, date(2020, 8, 31))
    last = [days[spans == index].max().date() for index in range(3)]
    assert last == [date(2020, 8, 31), date(2021, 2, 28), date(2021, 8, 31)]
    assert (np.diff(spans) >= 0).all()


def test_only_models_with_a_cutoff_decay_and_a_cutoff_of_an_unknown_model_is_refused(inputs):
    from tasks.premium.build import premium_scores
    from tasks.premium.rows import read_rows

    robust = RobustConfig(n_draws=20, n_date_blocks=2, n_day_groups=5)
    config = PremiumConfig(n_draws=20, n_folds=2, robust=robust, cutoffs={"trained": date(2020, 12, 25)})
    scores, _ = premium_scores(read_rows(inputs), config)
    assert list(scores.robust.checks.decay) == ["trained"]
    with pytest.raises(UnknownModel, match=r"premium.cutoffs names gpt, the models are base, trained; correct"):
        measure_models(read_rows(inputs), config.model_copy(update={"cutoffs": {"gpt": date(2020, 12, 25)}}))
