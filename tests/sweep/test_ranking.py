"""The order of variations, and what may be said of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sweep.comparison import Drawn, compare
from tasks.sweep.figures import METRICS, drawn, figure_of
from tasks.sweep.ranking import rank
from tasks.sweep.ranking_table import Line, ranking_rows, remarks
from tests.report.sample_robust import made_robust
from tests.sweep.samples import drawn_entry, entry, made_scores

REDUCTION, PREMIUM = METRICS["reduction"], METRICS["premium_trained"]


def names(ranking) -> list[str]:
    return [row.entry.name for row in ranking.rows]


def test_the_highest_reduction_is_first_and_the_lowest_premium() -> None:
    entries = [entry("low", 0.1), entry("high", 0.3), entry("middle", 0.2)]
    assert names(rank(entries, REDUCTION)) == ["high", "middle", "low"]
    assert names(rank(entries, PREMIUM)) == ["low", "middle", "high"]


def test_without_shared_draws_those_whose_intervals_overlap_the_bests_are_not_told_apart() -> None:
    ranking = rank([entry("best", 0.30), entry("near", 0.21), entry("far", 0.19)], REDUCTION)
    assert [row.is_told_apart for row in ranking.rows] == [None, False, True]
    assert ranking.luck is None


def test_figures_that_are_absent_stand_last_with_their_reason() -> None:
    ranking = rank([entry("none", None, why="too few stocks"), entry("some", -5.0)], REDUCTION)
    assert names(ranking) == ["some", "none"]
    assert (ranking.rows[1].place, ranking.rows[1].entry.figure.why_none) == (None, "too few stocks")


def test_equal_figures_share_a_place() -> None:
    ranking = rank([entry("a", 0.2), entry("b", 0.2), entry("c", 0.1)], REDUCTION)
    assert [row.place for row in ranking.rows] == [1, 1, 3]


@given(st.lists(st.none() | st.floats(-2, 2), min_size=1, max_size=8), st.sampled_from(sorted(METRICS)))
def test_every_variation_stands_in_the_ranking_once_and_in_order(points: list[float | None], name: str) -> None:
    metric = METRICS[name]
    ranking = rank([entry(f"v{place}", point) for place, point in enumerate(points)], metric)
    assert sorted(names(ranking)) == sorted(f"v{place}" for place in range(len(points)))
    ranked = [metric.sign * row.entry.figure.point for row in ranking.rows if row.place is not None]
    assert ranked == sorted(ranked, reverse=True)
    assert [row.place is None for row in ranking.rows] == sorted(row.place is None for row in ranking.rows)


def deviations(seed: int, n_draws: int = 400, scale: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, n_draws)


def test_what_the_draws_share_cancels_so_that_overlapping_intervals_can_be_told_apart() -> None:
    shared = deviations(0)
    entries = [drawn_entry("best", 0.10, shared), drawn_entry("next", 0.05, shared + deviations(1, scale=0.005))]
    first, second = rank(entries, REDUCTION).rows
    assert first.entry.figure.ends[0] < second.entry.figure.ends[1]
    assert second.is_told_apart
    assert second.difference[0] == pytest.approx(0.05)


def test_draws_of_another_panel_are_not_held_against_each_other() -> None:
    shared = deviations(0)
    entries = [drawn_entry("best", 0.10, shared), drawn_entry("next", 0.05, shared, panel="other")]
    ranking = rank(entries, REDUCTION)
    assert (ranking.rows[1].difference, ranking.rows[1].is_told_apart, ranking.luck) == (None, False, None)


def test_of_two_figures_alone_the_width_is_that_of_one_interval() -> None:
    found = compare({"a": made_drawn(0, 40_000), "b": made_drawn(1, 40_000)})
    assert found.width == pytest.approx(1.96, abs=0.03)


def test_ten_figures_without_dependence_need_tukeys_width() -> None:
    # The studentised range's 95 % point for ten groups is 4.474; a pair's error holds both, hence the root of two.
    found = compare({str(seed): made_drawn(seed, 20_000) for seed in range(10)})
    assert found.width == pytest.approx(4.474 / np.sqrt(2), rel=0.02)


def made_drawn(seed: int, n_draws: int, point: float = 0.0) -> Drawn:
    return Drawn(point, np.arange(n_draws), point + deviations(seed, n_draws))


def test_of_equal_recipes_hardly_one_sweep_in_twenty_tells_any_from_the_best() -> None:
    rng = np.random.default_rng(3)
    n_sweeps, n_variations, error = 400, 6, 0.1
    n_wrong = 0
    for _ in range(n_sweeps):
        points = rng.normal(0, error, n_variations)
        entries = [
            drawn_entry(f"v{place}", float(point), rng.normal(0, error, 200)) for place, point in enumerate(points)
        ]
        n_wrong += any(row.is_told_apart for row in rank(entries, REDUCTION).rows)
    # Three standard errors above 0.05 for 400 sweeps.
    assert n_wrong / n_sweeps < 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_sweeps)


def test_luck_of_the_best_of_equal_ones_is_the_expected_largest_of_as_many_normals() -> None:
    # E max of five standard normals: 1.163.
    found = compare({str(seed): made_drawn(seed, 50_000) for seed in range(5)})
    assert found.luck_of_the_best(1) == pytest.approx(0.1163, rel=0.03)
    assert found.luck_of_the_best(-1) == pytest.approx(0.1163, rel=0.03)


def test_a_best_that_stands_far_above_owes_nothing_to_luck() -> None:
    found = compare({"far": made_drawn(0, 20_000, point=5.0), "near": made_drawn(1, 20_000)})
    assert abs(found.luck_of_the_best(1)) < 0.003


def test_a_bias_that_all_draws_share_moves_neither_difference_nor_luck() -> None:
    plain = [drawn_entry(f"v{seed}", 0.01 * seed, deviations(seed)) for seed in range(4)]
    biased = [drawn_entry(f"v{seed}", 0.01 * seed, deviations(seed), bias=-0.4) for seed in range(4)]
    first, second = rank(plain, REDUCTION), rank(biased, REDUCTION)
    assert first.luck == pytest.approx(second.luck)
    for one, other in zip(first.rows[1:], second.rows[1:], strict=True):
        assert one.difference == pytest.approx(other.difference)


def test_the_same_states_twice_are_never_told_apart() -> None:
    shared = deviations(0)
    ranking = rank([drawn_entry("a", 0.1, shared), drawn_entry("b", 0.1, shared)], REDUCTION)
    assert (ranking.rows[1].difference, ranking.rows[1].is_told_apart) == ((0.0, 0.0, 0.0), False)


def test_only_draws_that_all_have_are_compared() -> None:
    whole = made_drawn(0, 100)
    part = Drawn(0.0, whole.numbers[30:], whole.figures[30:])
    assert compare({"whole": whole, "part": part}).centred.shape == (70, 2)
    assert compare({"whole": whole, "few": Drawn(0.0, whole.numbers[90:], whole.figures[90:])}) is None


def test_a_metrics_draws_are_the_sum_of_its_r2s() -> None:
    # draw, base: on off date_disjoint disjoint, trained: the same
    two_way = np.array([[0, 0.5, 0.1, 0.0, 0.2, 0.4, 0.3, 0.0, 0.05]])
    expected = {"reduction": 0.3, "lookahead": 0.15, "premium_base": 0.4, "premium_trained": 0.1}
    expected |= {"shared_day_effect_base": 0.3, "shared_day_effect_trained": 0.35, "disjoint_trained": 0.05}
    for name, figure in expected.items():
        assert drawn(two_way, METRICS[name])[0] == pytest.approx(figure), name
    assert drawn(two_way, METRICS["trained_against_placebo"]) is None


def test_a_figure_comes_with_its_two_way_interval_else_with_the_seeds() -> None:
    robust = figure_of(made_scores(), REDUCTION)
    assert (robust.interval, robust.point) == ("two-way", made_robust().reduction.point)
    seed = figure_of(made_scores().model_copy(update={"robust": None}), REDUCTION)
    assert (seed.interval, seed.point, seed.ends) == ("stock draws", 0.08, (-0.13, 0.28))
    absent = figure_of(made_scores().model_copy(update={"robust": None}), METRICS["lookahead"])
    assert "premium.robust is null" in absent.why_none


def line(verdict: str = "") -> Line:
    return Line(differs="", tokens_seen=10_000, final_loss=2.26, dollars=1.5, verdict=verdict, base="A", link="run")


def test_the_table_says_direction_what_is_not_told_apart_and_what_the_choice_is_worth() -> None:
    entries = [drawn_entry(f"v{seed}", 0.01 * seed, deviations(seed)) for seed in range(4)]
    ranking = rank([*entries, entry("broken", None, why="StageFailed: train ended")], REDUCTION)
    rows = ranking_rows(ranking, {row.entry.name: line() for row in ranking.rows}, "reduction")
    assert [row["place"] for row in rows] == ["1", "2", "3", "4", "\N{EN DASH}"]
    assert [row["told apart from the best"] for row in rows] == ["best", "no", "no", "no", "\N{EN DASH}"]
    assert rows[-1]["verdict"] == "StageFailed: train ended"
    said = " ".join(remarks(ranking, REDUCTION, n_failed=1))
    assert "highest first" in said
    assert "Not told apart from v3: v2, v1, v0" in said
    assert "The best of 4 looks better than it is" in said
    assert f"{ranking.luck:.4f}" in said
    assert "1 without a report" in said
    assert "bases" not in said
    assert "2 bases" in " ".join(remarks(ranking, REDUCTION, 0, n_bases=2))


def test_a_sweep_without_any_figure_says_so() -> None:
    assert "No variation has a figure" in remarks(rank([entry("a", None)], REDUCTION), REDUCTION, 1)[-1]
