"""The order of variations, and which differences are significant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.schemas.draws import figure_on_draws
from tasks.sweep.comparison import FigureDraws, compare
from tasks.sweep.figures import METRICS, figure_of, fit_of, with_interval
from tasks.sweep.ranking import rank
from tasks.sweep.ranking_table import RunDetails, notes, ranking_rows
from tests.report.sample_robust import R2, made_fit, made_robust, with_placebo
from tests.sweep.samples import candidate, candidate_with_draws, made_scores

REDUCTION, PREMIUM = METRICS["reduction"], METRICS["premium_trained"]


def names(ranking) -> list[str]:
    return [row.candidate.name for row in ranking.rows]


def test_the_highest_reduction_is_first_and_the_lowest_premium() -> None:
    candidates = [candidate("low", 0.1), candidate("high", 0.3), candidate("middle", 0.2)]
    assert names(rank(candidates, REDUCTION)) == ["high", "middle", "low"]
    assert names(rank(candidates, PREMIUM)) == ["low", "middle", "high"]


def test_without_shared_draws_overlapping_intervals_are_not_significant() -> None:
    ranking = rank([candidate("best", 0.30), candidate("near", 0.21), candidate("far", 0.19)], REDUCTION)
    assert [row.differs_from_best for row in ranking.rows] == [None, False, True]
    assert ranking.selection_bias is None


def test_missing_figures_are_last_with_their_reason() -> None:
    ranking = rank([candidate("none", None, why="too few stocks"), candidate("some", -5.0)], REDUCTION)
    assert names(ranking) == ["some", "none"]
    assert (ranking.rows[1].place, ranking.rows[1].candidate.figure.why_none) == (None, "too few stocks")


def test_equal_figures_share_a_place() -> None:
    ranking = rank([candidate("a", 0.2), candidate("b", 0.2), candidate("c", 0.1)], REDUCTION)
    assert [row.place for row in ranking.rows] == [1, 1, 3]


@given(st.lists(st.none() | st.floats(-2, 2), min_size=1, max_size=8), st.sampled_from(sorted(METRICS)))
def test_every_variation_is_in_the_ranking_once_and_in_order(points: list[float | None], name: str) -> None:
    metric = METRICS[name]
    ranking = rank([candidate(f"v{place}", point) for place, point in enumerate(points)], metric)
    assert sorted(names(ranking)) == sorted(f"v{place}" for place in range(len(points)))
    ranked = [metric.sign * row.candidate.figure.point for row in ranking.rows if row.place is not None]
    assert ranked == sorted(ranked, reverse=True)
    assert [row.place is None for row in ranking.rows] == sorted(row.place is None for row in ranking.rows)


def deviations(seed: int, n_draws: int = 400, scale: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, n_draws)


def test_effects_shared_by_the_draws_cancel_so_overlapping_intervals_can_differ_significantly() -> None:
    shared = deviations(0)
    candidates = [
        candidate_with_draws("best", 0.10, shared),
        candidate_with_draws("next", 0.05, shared + deviations(1, scale=0.005)),
    ]
    first, second = rank(candidates, REDUCTION).rows
    assert first.candidate.figure.ends[0] < second.candidate.figure.ends[1]
    assert second.differs_from_best
    assert second.difference[0] == pytest.approx(0.05)


def test_draws_of_another_panel_are_not_paired() -> None:
    shared = deviations(0)
    candidates = [candidate_with_draws("best", 0.10, shared), candidate_with_draws("next", 0.05, shared, panel="other")]
    ranking = rank(candidates, REDUCTION)
    assert (ranking.rows[1].difference, ranking.rows[1].differs_from_best, ranking.selection_bias) == (
        None,
        False,
        None,
    )


def test_with_two_figures_the_critical_value_is_that_of_one_interval() -> None:
    found = compare({"a": made_draws(0, 40_000), "b": made_draws(1, 40_000)})
    assert found.critical_value == pytest.approx(1.96, abs=0.03)


def test_ten_independent_figures_have_tukeys_critical_value() -> None:
    # The studentised range's 95 % point for ten groups is 4.474; a pair's error holds both, hence the root of two.
    found = compare({str(seed): made_draws(seed, 20_000) for seed in range(10)})
    assert found.critical_value == pytest.approx(4.474 / np.sqrt(2), rel=0.02)


def made_draws(seed: int, n_draws: int, point: float = 0.0) -> FigureDraws:
    return FigureDraws(point, np.arange(n_draws), point + deviations(seed, n_draws))


def test_with_equal_recipes_at_most_one_sweep_in_twenty_finds_a_difference_from_the_best() -> None:
    rng = np.random.default_rng(3)
    n_sweeps, n_variations, error = 400, 6, 0.1
    n_wrong = 0
    for _ in range(n_sweeps):
        points = rng.normal(0, error, n_variations)
        candidates = [
            candidate_with_draws(f"v{place}", float(point), rng.normal(0, error, 200))
            for place, point in enumerate(points)
        ]
        n_wrong += any(row.differs_from_best for row in rank(candidates, REDUCTION).rows)
    # Three standard errors above 0.05 for 400 sweeps.
    assert n_wrong / n_sweeps < 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_sweeps)


def test_selection_bias_of_equal_figures_is_the_expected_maximum_of_as_many_normals() -> None:
    # E max of five standard normals: 1.163.
    found = compare({str(seed): made_draws(seed, 50_000) for seed in range(5)})
    assert found.selection_bias(1) == pytest.approx(0.1163, rel=0.03)
    assert found.selection_bias(-1) == pytest.approx(0.1163, rel=0.03)


def test_a_clear_winner_has_no_selection_bias() -> None:
    found = compare({"far": made_draws(0, 20_000, point=5.0), "near": made_draws(1, 20_000)})
    assert abs(found.selection_bias(1)) < 0.003


def test_a_bias_shared_by_all_draws_changes_neither_difference_nor_selection_bias() -> None:
    plain = [candidate_with_draws(f"v{seed}", 0.01 * seed, deviations(seed)) for seed in range(4)]
    biased = [candidate_with_draws(f"v{seed}", 0.01 * seed, deviations(seed), bias=-0.4) for seed in range(4)]
    first, second = rank(plain, REDUCTION), rank(biased, REDUCTION)
    assert first.selection_bias == pytest.approx(second.selection_bias)
    for one, other in zip(first.rows[1:], second.rows[1:], strict=True):
        assert one.difference == pytest.approx(other.difference)


def test_the_same_states_twice_never_differ() -> None:
    shared = deviations(0)
    ranking = rank([candidate_with_draws("a", 0.1, shared), candidate_with_draws("b", 0.1, shared)], REDUCTION)
    assert (ranking.rows[1].difference, ranking.rows[1].differs_from_best) == ((0.0, 0.0, 0.0), False)


def test_only_draws_that_all_have_are_compared() -> None:
    whole = made_draws(0, 100)
    part = FigureDraws(0.0, whole.numbers[30:], whole.values[30:])
    assert compare({"whole": whole, "part": part}).centred.shape == (70, 2)
    assert compare({"whole": whole, "few": FigureDraws(0.0, whole.numbers[90:], whole.values[90:])}) is None


@pytest.mark.parametrize("later", [[], [9.0]], ids=["revision 3", "with the walk-forward"])
def test_a_metrics_draws_are_the_sum_of_its_r2s(later: list[float]) -> None:
    # By model and fit: on off date_disjoint disjoint matched, and what came later; only the standardized are compared.
    robust = with_placebo()
    assert list(robust.fits["standardized"].models) == ["base", "placebo", "trained"]
    other = [9.0] * (5 + len(later))
    base, trained = [0.5, 0.1, 0.0, 0.2, 0.45], [0.4, 0.3, 0.0, 0.05, 0.35]
    placebo = [0.0, 0.0, 0.0, 0.15, 0.0]
    by_model = [[*other, *own, *later, *other, *other] for own in (base, placebo, trained)]
    two_way = np.concatenate([[0.0], *by_model])[None]
    expected = {"lookahead": 0.15, "gain": -0.2, "reduction": 0.3, "premium_base": 0.4, "premium_trained": 0.1}
    expected |= {"shared_day_effect_base": 0.25, "shared_day_effect_trained": 0.3, "disjoint_trained": 0.05}
    expected |= {"trained_against_placebo": 0.1}
    assert expected.keys() == METRICS.keys()
    for name, figure in expected.items():
        assert figure_on_draws(two_way, METRICS[name].terms, robust, fit_of(robust))[0] == pytest.approx(figure), name


def test_draws_of_earlier_scores_have_one_fit_of_four_r2s_and_their_own_shared_day_effect() -> None:
    two_way = np.array([[0, 0.5, 0.1, 0.0, 0.2, 0.4, 0.3, 0.0, 0.05]])
    expected = {"lookahead": 0.15, "gain": -0.2, "reduction": 0.3, "shared_day_effect_base": 0.3}
    former = made_robust().model_copy(update={"fits": {"unscaled": made_fit("unscaled")}})
    for name, figure in expected.items():
        assert figure_on_draws(two_way, METRICS[name].terms, former, fit_of(former))[0] == pytest.approx(figure), name


def test_a_metric_is_read_from_standardized_columns_as_its_draws_are() -> None:
    scores = made_scores(robust=with_placebo())
    r2 = {name: own["standardized"] for name, own in R2.items()}
    # Terms name schemes, the sample's R2s are on, off, matched, disjoint.
    place = {"on": 0, "off": 1, "matched": 2, "disjoint": 3}
    for name, metric in METRICS.items():
        by_terms = sum(sign * r2[model][place[scheme]] for (model, scheme), sign in metric.terms.items())
        assert figure_of(scores, metric).point == pytest.approx(by_terms), name


def test_earlier_scores_give_their_unscaled_figures_with_percentiles_and_lack_the_gain() -> None:
    unscaled = made_fit("unscaled")
    (pair, own), *_ = unscaled.differences.items()
    former = own.lookahead.model_copy(update={"interval": None})
    difference = own.model_copy(update={"lookahead": former, "gain": None})
    robust = made_robust().model_copy(
        update={"fits": {"unscaled": unscaled.model_copy(update={"differences": {pair: difference}})}}
    )
    found = figure_of(made_scores(robust=robust), METRICS["lookahead"])
    assert (found.fit, found.ends) == ("unscaled", (former.two_way.p2_5, former.two_way.p97_5))
    assert with_interval(found).endswith("(unscaled)")
    assert "earlier version" in figure_of(made_scores(robust=robust), METRICS["gain"]).why_none


def test_a_figure_has_its_two_way_interval_or_else_the_reference_interval() -> None:
    robust = figure_of(made_scores(), REDUCTION)
    expected = made_robust().difference("base - trained")["standardized"].reduction
    assert (robust.interval, robust.point, robust.ends) == ("two-way", expected.point, expected.interval)
    reference = figure_of(made_scores().model_copy(update={"robust": None}), REDUCTION)
    assert (reference.interval, reference.point, reference.ends) == ("stock draws", 0.08, (-0.13, 0.28))
    assert figure_of(made_scores(), METRICS["trained_against_placebo"]).why_none == "the recipe has no placebo arm"
    absent = figure_of(made_scores().model_copy(update={"robust": None}), METRICS["lookahead"])
    assert "premium.robust is null" in absent.why_none


def details(verdict: str = "") -> RunDetails:
    return RunDetails(
        differs="", tokens_seen=10_000, final_loss=2.26, dollars=1.5, verdict=verdict, base="A", link="run"
    )


def test_the_notes_hold_direction_insignificant_differences_and_selection_bias() -> None:
    candidates = [candidate_with_draws(f"v{seed}", 0.01 * seed, deviations(seed)) for seed in range(4)]
    ranking = rank([*candidates, candidate("broken", None, why="StageFailed: train ended")], REDUCTION)
    rows = ranking_rows(ranking, {row.candidate.name: details() for row in ranking.rows}, "reduction")
    assert [row["place"] for row in rows] == ["1", "2", "3", "4", "\N{EN DASH}"]
    assert [row["significant"] for row in rows] == ["best", "no", "no", "no", "\N{EN DASH}"]
    assert rows[-1]["verdict"] == "StageFailed: train ended"
    text = " ".join(notes(ranking, REDUCTION, n_failed=1))
    assert "highest first" in text
    assert "Not significantly different from v3: v2, v1, v0" in text
    assert "The best of 4 looks better than it is" in text
    assert f"{ranking.selection_bias:.4f}" in text
    assert "1 without a report" in text
    assert "bases" not in text
    assert "2 bases" in " ".join(notes(ranking, REDUCTION, 0, n_bases=2))


def test_a_sweep_without_any_figure_has_a_note() -> None:
    assert "No variation has a figure" in notes(rank([candidate("a", None)], REDUCTION), REDUCTION, 1)[-1]
