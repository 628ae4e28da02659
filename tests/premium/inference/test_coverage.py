"""Intervals hold the truth at their nominal rate or above it, and preflight's smallest detectable effect is found.

Small forms of `make simulate-coverage`, with bounds that chance leaves alone; the slow ones have those of the full run.
"""

import numpy as np
import pytest

from tasks.premium.inference.evaluate import score
from tasks.premium.inference.inner_cv import choose_penalty
from tasks.premium.inference.replicates import DISJOINT, MATCHED, OFF, ON
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.targets import make_targets
from tasks.premium.reference.draws import resample_stocks
from tasks.sampling.two_way import two_way_interval, two_way_weights
from tasks.schemas.estimates import CO_PRIMARY
from tests.simulations.all_draws import Design
from tests.simulations.coverage import (
    ROBUST,
    WITH_R2_OFF,
    coverage,
    covers,
    is_marked,
    jobs,
    measure,
    points,
    share_wide,
    summarize,
)
from tests.simulations.power import detections
from tests.simulations.processes import PROCESSES, Process, draw_panel, labels_of

HEADLINES = ("lookahead", "gain")


def result(name: str, n_panels: int, n_draws: int) -> dict:
    process = PROCESSES[name]
    truths = np.array([points(job) for job in jobs(process, 3 * n_panels, 0, seed=1)])
    return summarize([measure(job) for job in jobs(process, n_panels, n_draws, seed=2)], truths)


@pytest.mark.parametrize("name", ["20 of 260 days", "20 stocks"])
def test_all_draws_at_once_give_what_score_gives_one_at_a_time(name):
    process, rng = PROCESSES[name], np.random.default_rng(0)
    rows, config = draw_panel(process, rng), process.config
    schemes, _ = make_schemes(rows.labels, config)
    design = Design.of(rows.labels, schemes)
    columns, targets = rows.columns("base"), make_targets(rows, config.train_until, 0.01)
    penalty = design.penalty(columns, rows.target, ROBUST.alphas)
    assert penalty == choose_penalty(columns, rows, schemes[OFF], ROBUST.alphas)
    weights = two_way_weights(rows.labels, 4, rng)
    weights[3, rows.stocks < 8] = 0  # whole folds of stocks are not drawn
    expected = score(columns, targets, schemes, weights, config.alpha, penalty).r2
    found = design.score(columns, targets, weights, config.alpha, penalty)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("name", ["AR(0.6) shocks", "5 test days"])
def test_intervals_of_the_headline_cover(name):
    found = result(name, n_panels=16, n_draws=60)
    for fit in CO_PRIMARY:
        for figure in HEADLINES:
            assert coverage(found, fit, figure) >= 0.8, (fit, figure)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSES)
def test_intervals_cover_at_their_nominal_rate_where_they_are_to_be_quoted(name):
    found = result(name, n_panels=100, n_draws=120)
    figures = ["lookahead", "shared_day_effect_base"]
    if sum(not own["warning"] for own in found["tails"]) >= 30:
        figures += ["gain", "reduction", "premium_base"]
    for fit in found["fits"]:
        for figure in figures:
            assert coverage(found, fit, figure) >= 0.9, (fit, figure)


def flagged(name: str, n_panels: int) -> float:
    return np.mean([measure(job).tails.warning != "" for job in jobs(PROCESSES[name], n_panels, 0, seed=2)])


def test_figures_with_r2_off_are_not_quoted_where_volatile_days_cluster_and_rarely_warned_of_elsewhere():
    assert flagged("t4, clusters", 40) > 0.85
    assert flagged("unequal stocks", 40) < 0.1


@pytest.mark.slow
def test_intervals_that_cover_too_often_are_mostly_marked_wide_and_those_that_heavy_tails_narrow_are_not():
    five_days, heavy = (
        [measure(job) for job in jobs(PROCESSES[name], 12, 60, seed=2)] for name in ("5 test days", "t3")
    )
    for fit in CO_PRIMARY:
        assert np.mean([is_marked(own, fit, "shared_day_effect_base") for own in five_days]) > 0.6
        assert np.mean([is_marked(own, fit, "lookahead") for own in heavy]) < 0.3


def test_stock_draws_do_not_cover_under_shocks_that_stocks_share_and_two_way_draws_do():
    process, held = Process(base_knows=0.75), {"stock": [], "two-way": []}
    labels, stock, _ = labels_of(process)
    design = Design.of(labels, make_schemes(labels, process.config)[0])
    truth = np.mean([points(job)[0, 2] for job in jobs(process, 120, 0, seed=1)])
    for own in range(40):
        rng = np.random.default_rng(own)
        rows = draw_panel(process, rng)
        targets = make_targets(rows, process.config.train_until, 0.01)
        drawn = [times[stock].astype(float) for times in resample_stocks(process.n_stocks, 60, rng)]
        weights = np.vstack([np.ones(len(stock)), drawn, two_way_weights(labels, 60, rng)])
        base, trained = (design.score(rows.columns(m), targets, weights, 1.0, 1.0)[:, 0] for m in rows.states)
        premiums = (base - trained)[:, ON] - (base - trained)[:, OFF]
        held["stock"].append(covers(tuple(np.percentile(premiums[1:61], [2.5, 97.5])), truth))
        held["two-way"].append(covers(two_way_interval(premiums[0], premiums[61:]), truth))
    assert np.mean(held["stock"]) < 0.8
    assert np.mean(held["two-way"]) >= 0.85


def test_noise_columns_without_shocks_have_no_shared_day_effect():
    process, rng = Process(n_stocks=60, market=0.0), np.random.default_rng(0)
    labels, _, _ = labels_of(process)
    schemes, _ = make_schemes(labels, process.config)
    # 200 columns on 713 to 960 train rows: folds of unequal size differ by 0.13.
    r2 = np.array([score(rng.normal(size=(1200, 200)), rng.normal(size=1200), schemes).r2[0, 0] for _ in range(40)])
    matched, unmatched = (r2[:, scheme] - r2[:, DISJOINT] for scheme in (MATCHED, ON))
    assert abs(matched.mean()) < 3 * matched.std(ddof=1) / np.sqrt(40)
    assert unmatched.mean() > 0.1


def test_the_effect_that_preflight_calls_detectable_is_found():
    for own in detections(n_panels=16, n_draws=40, metrics=("gain",), n_first=1):
        assert own.truth == pytest.approx(own.smallest_detectable, rel=0.25)
        assert own.found >= 0.5


@pytest.mark.slow
def test_the_effect_that_preflight_calls_detectable_is_found_as_often_as_promised():
    found = {(own.metric, own.fit): own.found for own in detections(n_panels=120, n_draws=100)}
    assert min(found.values()) >= 0.7, found
    assert max(found.values()) <= 0.9, found


def test_coverage_counts_a_figure_with_r2_off_only_where_no_tail_warns_of_it():
    held = {"interval": [1, 0, 1, 1]}
    one = {"tails": [{"warning": text} for text in ("", "heavy", "", "")], "fits": {"unscaled": {}}}
    one["fits"]["unscaled"] = {"gain": {"held": held}, "lookahead": {"held": held}}
    assert "gain" in WITH_R2_OFF
    assert coverage(one, "unscaled", "gain") == 1.0
    assert coverage(one, "unscaled", "lookahead") == 0.75


def test_coverage_and_the_share_of_wide_intervals_are_of_the_same_panels():
    figures = {"held": {"interval": [1, 0, 1, 0]}, "wide": [1, 1, 0, 0]}
    one = {"tails": [{"warning": text} for text in ("", "heavy", "", "")]}
    one["fits"] = {"unscaled": {"gain": figures, "lookahead": figures}}
    found = [coverage(one, "unscaled", figure, wide=wide) for figure in ("gain", "lookahead") for wide in (True, False)]
    assert found == [1.0, 0.5, 0.5, 0.5]
    assert share_wide(one, "unscaled", "gain") == pytest.approx(1 / 3)
    assert share_wide(one, "unscaled", "lookahead") == 0.5


def test_an_interval_covers_if_it_holds_the_truth_ends_included():
    assert [covers(own, 1.0) for own in ((0.0, 1.0), (1.0, 2.0), (1.5, 3.0), None)] == [True, True, False, False]
