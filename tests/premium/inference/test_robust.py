"""The premium taken apart, on panels of which it is known what they hold."""

import numpy as np
import pytest

from tasks.premium.build import premium_scores, write_premium
from tasks.premium.config import Hypothesis, PremiumConfig, RobustConfig
from tasks.premium.inference.replicates import Replicates, keep_defined
from tasks.premium.inference.two_way import TwoWayDraws
from tasks.schemas.scores import Estimate, PremiumScores

FEW = RobustConfig(n_draws=60, n_power_draws=20, n_day_groups=10)
CONFIG = PremiumConfig(n_draws=10, robust=FEW)


@pytest.fixture
def shocked():
    """30 stocks on 60 days; half of the variance is a shock that all stocks share on a day."""
    rng = np.random.default_rng(11)
    return rng, rng.normal(size=60) + rng.normal(size=(30, 60))


def test_a_one_hot_of_the_date_is_all_shared_day_effect(make_rows, shocked):
    rng, target = shocked
    day = np.tile(np.eye(60), (30, 1))
    robust = premium_scores(make_rows(target, 45, day, rng.normal(size=(1800, 60))), CONFIG)[0].robust
    premium, shared_day_effect = robust.base.premium.point, robust.base.shared_day_effect.point
    assert premium > 0.3
    assert shared_day_effect == pytest.approx(premium, abs=0.1)
    assert robust.base.disjoint.point == pytest.approx(0, abs=0.05)
    assert robust.trained.shared_day_effect.point < 0.1


def test_a_planted_lookahead_is_found_and_is_no_shared_day_effect(make_rows, shocked):
    rng, target = shocked
    knows = target.ravel() + rng.normal(size=1800)
    rows = make_rows(target, 45, knows[:, None], rng.normal(size=(1800, 1)))
    robust = premium_scores(rows, CONFIG)[0].robust
    # Half of the column's variance about the target's 2 is noise of 1: R2 = 2 / 3.
    assert robust.lookahead.point == pytest.approx(2 / 3, abs=0.1)
    assert robust.lookahead.two_way.p2_5 > 0.3
    assert robust.base.shared_day_effect.point == pytest.approx(0, abs=0.05)


def test_a_model_has_no_reduction_and_no_lookahead_against_itself(make_rows, shocked):
    rng, target = shocked
    robust = premium_scores(make_rows(target, 45, rng.normal(size=(1800, 4))), CONFIG)[0].robust
    for figure in (robust.reduction, robust.lookahead):
        assert (figure.point, figure.two_way.p2_5, figure.two_way.p97_5, figure.jackknife) == (0, 0, 0, (0, 0))


def test_on_is_the_references_on_computed_another_way(make_rows, shocked):
    rng, target = shocked
    rows = make_rows(target, 45, rng.normal(size=(1800, 4)), rng.normal(size=(1800, 4)))
    reference = premium_scores(rows, CONFIG)[0]
    robust = reference.robust
    assert robust.base.on.point == pytest.approx(reference.base.r2_on, abs=1e-12)
    # Two of the 45 train days have labels beyond the cut and are purged.
    assert robust.base.off.point == pytest.approx(reference.base.r2_off, abs=0.05)
    assert [facts.n_violations > 0 for facts in robust.splits] == [True, False, False, False]
    assert robust.splits[1].n_purged == 2 * 30


def test_a_placebo_stands_beside_the_trained_model(make_rows, shocked):
    rng, target = shocked
    rows = make_rows(target, 45, rng.normal(size=(1800, 4)), rng.normal(size=(1800, 4)))
    rows = type(rows)(rows.labels, rows.target, rows.numeric, {**rows.states, "placebo": rows.states["trained"]})
    scores, measured = premium_scores(rows, CONFIG)
    robust, draws = scores.robust, measured.robust.draws
    assert robust.placebo == robust.trained
    assert robust.placebo_lookahead == robust.lookahead
    assert robust.trained_against_placebo.point == 0
    assert draws.shape == (60, 1 + 4 * 3)


def test_a_hypothesis_is_answered_by_its_figure(make_rows, shocked):
    rng, target = shocked
    rows = make_rows(target, 45, target.reshape(-1, 1), rng.normal(size=(1800, 1)))
    stated = Hypothesis(statement="The base knows more than half.", metric="lookahead", at_least=0.5)
    robust = premium_scores(rows, CONFIG.model_copy(update={"hypothesis": stated}))[0].robust
    assert (robust.answer.verdict, robust.answer.estimate) == ("supported", robust.lookahead)


def test_draws_without_a_score_are_dropped_for_all_models_and_counted():
    whole, broken = np.zeros((5, 4)), np.zeros((5, 4))
    broken[1, 2] = broken[1, 3] = broken[4, 0] = np.nan
    kept, dropped = keep_defined([whole, broken])
    assert kept.tolist() == [True, False, True, True, False]
    assert dropped == {"undefined_date_disjoint": 1, "undefined_on": 1}


def test_a_figure_without_an_interval_says_why():
    few = Replicates(np.array(0.1), np.zeros(19), np.array([0.1, np.nan])).estimate()
    assert few == Estimate(
        point=0.1,
        why_none="19 two-way draws were kept, an interval needs 20; "
        "not defined without one of the groups of days, so that there is no jackknife",
    )
    none_kept = Replicates(np.array(0.1), np.empty(0), np.zeros(5))
    assert none_kept.estimate().why_none == "0 two-way draws were kept, an interval needs 20"
    assert none_kept.estimate(is_drawn=False).why_none == "no two-way draws were made of it, an interval needs 20"
    assert "no train row" in Replicates(np.array(np.nan), np.zeros(50), np.zeros(5)).estimate().why_none


def test_draws_are_the_same_however_they_are_taken(make_rows, shocked):
    labels = make_rows(shocked[1], 45, np.zeros((1800, 1))).labels
    whole = TwoWayDraws(labels, 7).take(0, 9)
    other = TwoWayDraws(labels, 7)
    late, early = other.take(6, 9), other.take(0, 6)
    np.testing.assert_array_equal(np.concatenate([early, late]), whole)
    assert not np.array_equal(TwoWayDraws(labels, 8).take(0, 9), whole)


def test_scores_and_two_way_draws_are_written_and_the_recipe_may_leave_them_out(inputs, tmp_path):
    config = PremiumConfig(
        n_draws=20, n_folds=2, robust=RobustConfig(n_draws=40, n_date_blocks=2, n_day_groups=5, n_power_draws=40)
    )
    facts = write_premium(config, inputs, tmp_path)
    assert PremiumScores.read(tmp_path).robust.why_no_power == ""
    robust, two_way = PremiumScores.read(tmp_path).robust, np.load(tmp_path / "two_way.npy")
    assert two_way.shape == (robust.n_kept_draws, 9)
    assert robust.n_kept_draws + sum(robust.dropped_draws.values()) == robust.n_draws == 40
    reductions = (two_way[:, 1] - two_way[:, 2]) - (two_way[:, 5] - two_way[:, 6])
    assert robust.reduction.two_way.p50 == pytest.approx(np.median(reductions), abs=1e-12)
    assert facts["reduction_two_way"]["point"] == robust.reduction.point
    # With five folds of eight stocks a fold is often left without a drawn one.
    write_premium(config.model_copy(update={"n_folds": 5}), inputs, tmp_path)
    robust = PremiumScores.read(tmp_path).robust
    assert robust.dropped_draws["undefined_on"] > 20
    assert robust.reduction.two_way is None
    assert "an interval needs 20" in robust.reduction.why_none
    assert robust.why_no_power.endswith("raise panel.n_stocks, panel.dates_per_stock or premium.robust.n_power_draws.")
    (tmp_path / "reference").mkdir()
    write_premium(config.model_copy(update={"robust": None}), inputs, tmp_path / "reference")
    assert PremiumScores.read(tmp_path / "reference").robust is None


def test_scores_written_before_words_were_renamed_are_still_read(inputs, tmp_path):
    config = PremiumConfig(
        n_draws=20,
        n_folds=2,
        robust=RobustConfig(n_draws=20, n_date_blocks=2, n_day_groups=5, n_power_draws=20),
        hypothesis={"statement": "sharing days is worth something", "metric": "shared_day_effect_base"},
    )
    write_premium(config, inputs, tmp_path)
    scores, file = PremiumScores.read(tmp_path), tmp_path / "scores.json"
    former = file.read_text().replace("shared_day_effect", "construction")
    file.write_text(former.replace('"contract": "reference"', '"contract": "seed"'))
    assert "shared_day_effect" not in file.read_text()
    assert PremiumScores.read(tmp_path) == scores
