"""The premium taken apart, on panels of which it is known what they hold."""

import json

import numpy as np
import pytest

from tasks.premium.build import premium_scores, write_premium
from tasks.premium.config import Hypothesis, PremiumConfig, RobustConfig
from tasks.premium.inference.evaluate import score
from tasks.premium.inference.inner_cv import choose_penalty
from tasks.premium.inference.replicates import SCHEMES, Replicates, keep_defined
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.rows import Rows
from tasks.sampling.two_way import TwoWayDraws
from tasks.schemas.estimates import Estimate
from tasks.schemas.scores import PremiumScores

FEW = RobustConfig(n_draws=60, n_day_groups=10)
CONFIG = PremiumConfig(n_draws=10, robust=FEW)


@pytest.fixture
def shocked():
    """30 stocks on 60 days; half of the variance is a shock that all stocks share on a day."""
    rng = np.random.default_rng(11)
    return rng, rng.normal(size=60) + rng.normal(size=(30, 60))


def robust_of(rows, config=CONFIG):
    return premium_scores(rows, config)[0].robust


def test_a_one_hot_of_the_date_is_all_shared_day_effect_and_orders_no_stocks_within_a_day(make_rows, shocked):
    rng, target = shocked
    day = np.tile(np.eye(60), (30, 1))
    # The only penalty there is: one chosen to predict unseen days lets nothing of a day's own column through.
    config = CONFIG.model_copy(update={"robust": FEW.model_copy(update={"alphas": (1.0,)})})
    robust = robust_of(make_rows(target, 45, day, rng.normal(size=(1800, 60))), config)
    for fit in ("unscaled", "standardized", "winsorized"):
        base, trained = robust.fits[fit].models.values()
        premium, shared_day_effect = base.premium.point, base.shared_day_effect.point
        assert premium > 0.3, fit
        assert shared_day_effect == pytest.approx(premium, abs=0.1), fit
        assert base.disjoint.point == pytest.approx(0, abs=0.05), fit
        assert abs(trained.shared_day_effect.point) < 0.1, fit
    ranked = robust.fits["day_rank"].models["base"]
    assert ranked.premium.point < 0.01
    assert ranked.shared_day_effect.point < 0.01


def test_a_penalty_chosen_for_unseen_days_lets_nothing_of_a_days_column_through(make_rows, shocked):
    rows = make_rows(shocked[1], 45, np.tile(np.eye(60), (30, 1)))
    schemes, _ = make_schemes(rows.labels, CONFIG)
    penalty = choose_penalty(rows.columns("base"), rows, schemes[1], FEW.alphas)
    assert penalty == max(FEW.alphas)
    assert score(rows.columns("base"), rows.target, schemes[:1], penalty=penalty).r2[0, 1, 0] < 0.02


def test_a_planted_lookahead_is_found_by_every_fit_and_is_no_shared_day_effect(make_rows, shocked):
    rng, target = shocked
    knows = target.ravel() + rng.normal(size=1800)
    robust = robust_of(make_rows(target, 45, knows[:, None], rng.normal(size=(1800, 1))))
    # Half of the column's variance about the target's 2 is noise of 1: R2 = 2 / 3. Nothing is known to the trained.
    for fit in ("unscaled", "standardized"):
        found = robust.difference("base - trained")[fit]
        assert found.lookahead.point == pytest.approx(2 / 3, abs=0.1)
        assert found.gain.point == pytest.approx(2 / 3, abs=0.15)
        assert robust.fits[fit].models["base"].shared_day_effect.point == pytest.approx(0, abs=0.05)
    assert all(found.lookahead.interval[0] > 0.2 for found in robust.difference("base - trained").values())
    assert {name: found.verdict for name, found in robust.pairs["base - trained"].conclusions.items()} == {
        "lookahead": "above zero",
        "gain": "above zero",
    }


def test_larger_states_make_a_reduction_out_of_nothing_and_the_standardized_fit_does_not(make_rows):
    """Both know the days up to the cut, the second at a hundredth of the scale: unscaled, its penalty binds."""
    rng = np.random.default_rng(3)
    target = rng.normal(size=(30, 60))
    known = np.tile(np.arange(60) < 45, 30)
    column = np.where(known, target.ravel(), 0) * np.sqrt(0.5) + rng.normal(size=1800) * np.sqrt(0.5)
    robust = robust_of(make_rows(target, 45, column[:, None], 0.01 * column[:, None]))
    assert abs(robust.difference("base - trained")["unscaled"].reduction.point) > 0.1
    assert robust.difference("base - trained")["standardized"].reduction.point == pytest.approx(0, abs=1e-9)
    assert robust.pairs["base - trained"].conclusions["lookahead"].verdict == "undecided"
    assert "holds zero" in robust.pairs["base - trained"].conclusions["lookahead"].reason


def test_a_model_has_no_difference_against_itself(make_rows, shocked):
    rng, target = shocked
    config = CONFIG.model_copy(update={"hypothesis": Hypothesis(statement="The base knows at least nothing.")})
    robust = robust_of(make_rows(target, 45, rng.normal(size=(1800, 4))), config)
    for found in robust.difference("base - trained").values():
        for figure in (found.lookahead, found.gain, found.reduction):
            assert (figure.point, figure.interval, figure.jackknife) == (0, (0, 0), (0, 0))
    assert (
        robust.pairs["base - trained"].conclusions["lookahead"].verdict
        == robust.pairs["base - trained"].answer.verdict
        == "undecided"
    )
    assert "every draw gives 0: these models' figures do not differ" in robust.pairs["base - trained"].answer.reason
    assert robust.pairs["base - trained"].power == []


def test_noise_without_shocks_has_no_shared_day_effect_once_sizes_are_matched(make_rows):
    """300 noise columns on 1,800 rows: an unmatched difference is the price of 20 % fewer rows, about 0.1."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(6):
        rows = make_rows(rng.normal(size=(30, 60)), 45, rng.normal(size=(1800, 300)))
        schemes, _ = make_schemes(rows.labels, CONFIG)
        r2 = dict(zip(SCHEMES, score(rows.columns("base"), rows.target, schemes).r2[0, 0], strict=True))
        found.append((r2["matched"] - r2["disjoint"], r2["on"] - r2["disjoint"]))
    matched, unmatched = np.array(found).T
    assert abs(matched.mean()) < 3 * matched.std(ddof=1) / np.sqrt(6) + 0.005
    assert unmatched.mean() > 0.05


def test_on_is_the_references_on_computed_another_way(make_rows, shocked):
    rng, target = shocked
    rows = make_rows(target, 45, rng.normal(size=(1800, 4)), rng.normal(size=(1800, 4)))
    reference = premium_scores(rows, CONFIG)[0]
    robust, base = reference.robust, reference.robust.fits["unscaled"].models["base"]
    assert base.on.point == pytest.approx(reference.models["base"].r2_on, abs=1e-12)
    # Two of the 45 train days have labels beyond the cut and are purged.
    assert base.off.point == pytest.approx(reference.models["base"].r2_off, abs=0.05)
    assert [facts.n_violations > 0 for facts in robust.splits] == [True, False, False, False, True, False]
    assert robust.splits[1].n_purged == 2 * 30


def test_a_placebo_stands_beside_the_trained_model(make_rows, shocked):
    rng, target = shocked
    rows = make_rows(target, 45, rng.normal(size=(1800, 4)), rng.normal(size=(1800, 4)))
    states = {"base": rows.states["base"], "placebo": rows.states["trained"], "trained": rows.states["trained"]}
    rows = type(rows)(rows.labels, rows.target, rows.numeric, states)
    scores, measured = premium_scores(rows, CONFIG)
    for fit, found in scores.robust.fits.items():
        assert found.models["placebo"] == found.models["trained"], fit
        assert found.differences["base - placebo"] == found.differences["base - trained"]
        assert found.differences["placebo - trained"].lookahead.point == 0
    assert measured.robust.draws.shape == (60, 1 + 3 * 4 * 6)


def test_a_hypothesis_is_answered_by_its_figure(make_rows, shocked):
    rng, target = shocked
    rows = make_rows(target, 45, target.reshape(-1, 1), rng.normal(size=(1800, 1)))
    stated = Hypothesis(statement="The base knows more than half.", metric="lookahead", at_least=0.5)
    robust = robust_of(rows, CONFIG.model_copy(update={"hypothesis": stated}))
    assert robust.pairs["base - trained"].answer.verdict == "supported"
    assert robust.pairs["base - trained"].answer.estimates == {
        fit: robust.difference("base - trained")[fit].lookahead for fit in ("unscaled", "standardized")
    }


def test_draws_without_a_score_are_dropped_for_all_models_and_fits_and_counted():
    whole, broken = np.zeros((6, 2, 5)), np.zeros((6, 2, 5))
    broken[1, 0, 2] = broken[1, 1, 3] = broken[4, 1, 0] = np.nan
    broken[5, 0, 4] = np.inf
    kept, dropped = keep_defined([whole, broken])
    assert kept.tolist() == [True, False, True, True, False, False]
    assert dropped == {"undefined_date_disjoint": 1, "undefined_matched": 1, "undefined_on": 1}


def test_an_interval_is_the_point_and_196_deviations_of_the_draws_wherever_they_lie():
    draws = np.tile([-1.0, 1.0], 50) + 7
    found = Replicates(np.array(0.5), draws, np.array([0.4, 0.5, 0.6])).estimate()
    assert found.interval == pytest.approx((0.5 - 1.96 * np.sqrt(100 / 99), 0.5 + 1.96 * np.sqrt(100 / 99)))


def test_a_figure_without_an_interval_says_why():
    few = Replicates(np.array(0.1), np.zeros(19), np.array([0.1, np.nan])).estimate()
    assert few == Estimate(
        point=0.1,
        why_none="19 two-way draws were kept, an interval needs 20; "
        "not defined without one of the groups of days, so that there is no jackknife",
    )
    assert "no train row" in Replicates(np.array(np.nan), np.zeros(50), np.zeros(5)).estimate().why_none


def test_draws_are_the_same_however_they_are_taken(make_rows, shocked):
    labels = make_rows(shocked[1], 45, np.zeros((1800, 1))).labels
    whole = TwoWayDraws(labels, 7).take(0, 9)
    other = TwoWayDraws(labels, 7)
    late, early = other.take(6, 9), other.take(0, 6)
    np.testing.assert_array_equal(np.concatenate([early, late]), whole)
    assert not np.array_equal(TwoWayDraws(labels, 8).take(0, 9), whole)


def test_scores_and_two_way_draws_are_written_and_the_recipe_may_leave_them_out(inputs, tmp_path):
    config = PremiumConfig(n_draws=20, n_folds=2, robust=RobustConfig(n_draws=40, n_date_blocks=2, n_day_groups=5))
    facts = write_premium(config, inputs, tmp_path)
    robust, two_way = PremiumScores.read(tmp_path).robust, np.load(tmp_path / "two_way.npy")
    assert two_way.shape == (robust.n_kept_draws, 1 + 2 * 4 * 6)
    assert robust.n_kept_draws + sum(robust.dropped_draws.values()) == robust.n_draws == 40
    base, trained = two_way[:, 1:].reshape(-1, 2, 4, 6).transpose(1, 2, 0, 3)
    for index, found in enumerate(robust.difference("base - trained").values()):
        lookahead = base[index, :, 3] - trained[index, :, 3]
        half_width = (found.lookahead.interval[1] - found.lookahead.interval[0]) / 2
        assert half_width == pytest.approx(1.96 * lookahead.std(ddof=1), rel=1e-12)
    assert (
        facts["headline"]["base - trained"]["unscaled"]["gain"]["point"]
        == robust.difference("base - trained")["unscaled"].gain.point
    )
    assert [power.metric for power in robust.pairs["base - trained"].power[::2]] == ["lookahead", "gain", "reduction"]
    # A fold for each of eight stocks is left without a row where its stock is left out.
    # With five folds of eight stocks a fold may be left without one that is kept.
    few = config.model_copy(update={"n_folds": 5, "robust": config.robust.model_copy(update={"n_draws": 25})})
    write_premium(few, inputs, tmp_path)
    robust = PremiumScores.read(tmp_path).robust
    assert robust.dropped_draws["undefined_on"] > 5
    lookahead = robust.difference("base - trained")["unscaled"].lookahead
    assert lookahead.interval is None
    assert "an interval needs 20" in lookahead.why_none
    assert robust.pairs["base - trained"].power == []
    (tmp_path / "reference").mkdir()
    write_premium(config.model_copy(update={"robust": None}), inputs, tmp_path / "reference")
    assert PremiumScores.read(tmp_path / "reference").robust is None


def former_scores(present):
    """Scores as REVISION 3 wrote them: base and trained by their names, conclusions beside the fits."""
    models, reduction = present.pop("models"), present.pop("reductions")["base - trained"]
    n_columns = {own.pop("n_columns") for own in models.values()}
    present["robust"] |= present["robust"].pop("pairs")["base - trained"]
    del present["pairs"]
    return present | {
        **models,
        "n_columns": n_columns.pop(),
        "premium_reduction": reduction["point"],
        "reduction_interval": reduction["interval"],
    }


def test_scores_of_revision_3_are_still_read(inputs, tmp_path):
    config = PremiumConfig(n_draws=20, n_folds=2, robust=RobustConfig(n_draws=20, n_date_blocks=2, n_day_groups=5))
    write_premium(config, inputs, tmp_path)
    file, present = tmp_path / "scores.json", PremiumScores.read(tmp_path)
    file.write_text(json.dumps(former_scores(json.loads(file.read_text()))))
    assert PremiumScores.read(tmp_path) == present


def test_scores_of_revision_2_are_still_read(inputs, tmp_path):
    """As the stage wrote them: one fit, decomposition and differences side by side, words since renamed."""
    config = PremiumConfig(n_draws=20, n_folds=2, robust=RobustConfig(n_draws=20, n_date_blocks=2, n_day_groups=5))
    write_premium(config, inputs, tmp_path)
    file = tmp_path / "scores.json"
    present = former_scores(json.loads(file.read_text()))
    robust = present["robust"]
    unscaled = robust["fits"]["unscaled"]
    difference = unscaled["differences"]["base - trained"]
    for parts in unscaled["models"].values():
        parts["demeaned"] = parts["disjoint"]
        parts["construction"] = parts.pop("shared_day_effect")
        for name in ("matched", "walk_forward", "date_disjoint_premium"):
            del parts[name]
    names = ("splits", "n_draws", "n_kept_draws", "dropped_draws", "n_day_groups")
    control = {"name": "noise", "what": "noise", "n_columns": 3, "on": 0.1, "off": None, "construction": 0.2}
    former = {
        **{name: robust[name] for name in names},
        **unscaled["models"],
        **{name: difference[name] for name in ("lookahead", "reduction")},
        "placebo": None,
        "placebo_lookahead": None,
        "trained_against_placebo": None,
        "controls": [control],
        "sensitivity": [],
        "power": None,
        "why_no_power": "",
        "answer": None,
    }
    file.write_text(json.dumps(present | {"robust": former, "contract": "seed"}, indent=1))
    found = PremiumScores.read(tmp_path).robust
    assert list(found.fits) == ["unscaled"]
    assert found.difference("base - trained")["unscaled"].lookahead.point == difference["lookahead"]["point"]
    assert found.difference("base - trained")["unscaled"].gain is None
    assert found.controls[0].fits["unscaled"].shared_day_effect == 0.2
    assert found.pairs["base - trained"].conclusions == {}


def test_scores_without_robustness_checks_are_still_read(inputs, tmp_path):
    write_premium(
        PremiumConfig(n_draws=20, n_folds=2, robust=RobustConfig(n_draws=20, n_date_blocks=2, n_day_groups=5)),
        inputs,
        tmp_path,
    )
    file = tmp_path / "scores.json"
    added = {"checks", "walk_forward", "date_disjoint_premium", "date_disjoint_reduction", "n_test_days"}
    former = json.loads(
        file.read_text(), object_hook=lambda found: {key: found[key] for key in found if key not in added}
    )
    former["robust"]["splits"].pop()
    file.write_text(json.dumps(former))
    found = PremiumScores.read(tmp_path)
    assert found.models["base"].checks is found.robust.checks is None
    assert found.robust.fits["unscaled"].models["base"].walk_forward is None
    assert found.robust.fits["unscaled"].models["base"].premium.point is not None


def test_ranks_of_days_with_one_stock_have_no_figures_and_cost_the_other_fits_no_draw(make_rows):
    """300 rows of ten stocks, each on a day of its own: within a day there is nothing to rank."""
    rng = np.random.default_rng(9)
    rows = make_rows(rng.normal(size=(1, 300)), 200, rng.normal(size=(300, 2)))
    labels = rows.labels.assign(code=np.arange(300) % 10)
    robust = robust_of(Rows(labels, rows.target, rows.numeric, rows.states), CONFIG.model_copy(update={"n_folds": 2}))
    base = robust.fits["day_rank"].models["base"]
    assert base.on.point is None
    assert "a test target that does not vary" in base.on.why_none
    assert robust.n_kept_draws > 20
    assert robust.difference("base - trained")["unscaled"].lookahead.interval is not None
