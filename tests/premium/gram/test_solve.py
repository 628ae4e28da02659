"""Scores are exact to 1e-9 where Gram matrices are not: such fits are corrected or solved by QR, and counted."""

import numpy as np
import pytest

from tasks.premium.gram.devices import Device, Torch
from tasks.premium.inference.evaluate import Scheme, score
from tasks.sampling.splitters.disjoint import stock_disjoint
from tests.premium import sklearn_loops
from tests.premium.gram.test_stock_draws import made_panel, stock_scores

WIDTHS = [8, 40, 130]


def one_stock_much_larger(columns, stocks, factor):
    return np.where((stocks == 0)[:, None], factor, 1.0) * (columns - columns.mean(axis=0))


def twice(columns, size):
    """The first column a million times larger, twice; and a panel whose ridge is the same by arithmetic.

    A ridge splits a column's weight evenly over its copies: two are one that is sqrt(2) times larger.
    """
    first = size * (columns[:, :1] - columns[:, :1].mean())
    return np.hstack([first, columns[:, 1:], first]), np.hstack([np.sqrt(2) * first, columns[:, 1:]])


def near(ours, theirs):
    """To 1e-9, relative for scores beyond 1: where one stock tests the others R2 is -1e9."""
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_columns", WIDTHS)
@pytest.mark.parametrize("factor", [1e2, 1e3, 1e4, 1e5])
def test_draws_are_those_of_rows_where_one_stocks_columns_are_much_larger(n_columns, factor):
    columns, target, stocks, is_train = made_panel(n_columns)
    panel = one_stock_much_larger(columns, stocks, factor), target, stocks, is_train
    draws, ours, n_refits = stock_scores(panel, Device())
    near(ours, [sklearn_loops.draw_scores(*panel, draws.times[draw], solver="svd") for draw in draws.kept])
    assert (n_refits > 0) or (factor < 1e3)


@pytest.mark.parametrize("n_columns", WIDTHS)
@pytest.mark.parametrize("size", [1e3, 1e7])
@pytest.mark.parametrize("device", [Device(), Torch("cpu")])
def test_draws_with_the_same_column_twice_are_those_of_one_column(n_columns, size, device):
    columns, *rest = made_panel(n_columns)
    doubled, single = twice(columns, size)
    draws, ours, n_refits = stock_scores((doubled, *rest), device)
    near(ours, [sklearn_loops.draw_scores(single, *rest, draws.times[draw], solver="svd") for draw in draws.kept])
    assert n_refits == 6 * len(draws.kept)


@pytest.mark.parametrize("n_columns", WIDTHS)
def test_weighted_scores_are_those_of_rows_on_such_panels_too(n_columns):
    columns, target, stocks, _ = made_panel(n_columns)
    schemes = [Scheme("on", [[fold] for fold in stock_disjoint(stocks, 5)])]
    weights = np.random.default_rng(0).integers(0, 3, (2, len(target))).astype(float)
    larger = one_stock_much_larger(columns, stocks, 1e5)
    doubled, single = twice(columns, 1e7)
    for own, same in ((larger, larger), (doubled, single)):
        scored = score(own, target, schemes, weights, penalty=10.0)
        near(scored.r2[:, 0], sklearn_loops.score(same, target, schemes, weights, solver="svd"))
        assert np.isfinite(scored.r2).all()
        assert (scored.n_refits > 0).all()
    # Standardized, a column and its copy have one scale, whatever it was.
    plain = score(twice(columns, 1.0)[0], target, schemes, weights, penalty=10.0)
    near(scored.r2[:, 1], plain.r2[:, 1])


def test_a_well_conditioned_panel_is_solved_from_its_gram_matrices_alone():
    panel = made_panel(130)
    assert stock_scores(panel, Device())[2] == 0
    schemes = [Scheme("on", [[fold] for fold in stock_disjoint(panel[2], 5)])]
    assert score(*panel[:2], schemes, penalty=0.1).n_refits.tolist() == [0]


def like_a_language_models_states(n_columns):
    """Columns that 40 numbers explain but for 1e-4; five are 1,000 times larger, as a few are in a model's states."""
    columns, target, stocks, is_train = made_panel(n_columns, n_stocks=60)
    rng = np.random.default_rng(1)
    hidden = rng.normal(size=(len(target), 40))
    columns = hidden @ rng.normal(size=(40, n_columns)) + 1e-4 * rng.normal(size=columns.shape)
    columns[:, -5:] *= 1e3
    return columns, target + 0.02 * hidden[:, 0], stocks, is_train


@pytest.mark.parametrize("device", [Device(), Torch("cpu")])
@pytest.mark.parametrize(("n_columns", "alpha"), [(100, 0.1), (300, 1.0)])
def test_draws_of_states_like_a_language_models_are_corrected_without_a_qr(n_columns, alpha, device, monkeypatch):
    monkeypatch.setattr("tasks.premium.gram.solve.solve_rows", lambda *_: pytest.fail("a fit was solved by QR"))
    panel = like_a_language_models_states(n_columns)
    draws, ours, n_refits = stock_scores(panel, device, n_draws=2, alpha=alpha)
    near(ours, [sklearn_loops.draw_scores(*panel, draws.times[draw], alpha, solver="svd") for draw in draws.kept])
    assert n_refits == ours.size


def test_weighted_scores_of_such_states_are_corrected_without_a_qr(monkeypatch):
    monkeypatch.setattr("tasks.premium.gram.solve.solve_rows", lambda *_: pytest.fail("a fit was solved by QR"))
    columns, target, stocks, _ = like_a_language_models_states(300)
    schemes = [Scheme("on", [[fold] for fold in stock_disjoint(stocks, 5)])]
    weights = np.random.default_rng(0).integers(0, 3, (2, len(target))).astype(float)
    # A split's targets are corrected together.
    scored = score(columns, np.column_stack([target, target[::-1]]), schemes, weights, penalty=10.0)
    near(scored.r2[:, 0], sklearn_loops.score(columns, target, schemes, weights, solver="svd"))
    assert (scored.n_refits >= 5).all()
