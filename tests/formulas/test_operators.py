"""Operators on numbers that a reader can check."""

import numpy as np
import pandas as pd
import pytest

from tasks.formulas.evaluate import evaluate
from tasks.formulas.language import parse
from tasks.formulas.operators.registry import FloatArray
from tasks.formulas.panel import Panel

NAN = np.nan


def values(text: str, **columns: list[float]) -> list[float]:
    """A formula of one entity's columns."""
    arrays: dict[str, FloatArray] = {name: np.array(own, float)[:, None] for name, own in columns.items()}
    days = pd.bdate_range("2020-01-01", periods=len(next(iter(arrays.values()))))
    panel = Panel(days, pd.Index(["A"]), arrays, np.ones((len(days), 1), dtype=bool))
    ((_, found),) = evaluate({text: parse(text)}, panel)
    return found[:, 0].tolist()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("close > open", [0, 1, NAN, NAN, 0]),
        ("close >= open", [0, 1, NAN, NAN, 1]),
        ("close < open", [1, 0, NAN, NAN, 0]),
        ("close <= open", [1, 0, NAN, NAN, 1]),
        ("close == open", [0, 0, NAN, NAN, 1]),
        ("Gt(close, open)", [0, 1, 0, 0, 0]),
        ("Lt(open, close)", [0, 1, 0, 0, 0]),
        ("close > 1 and open > 1", [0, 0, NAN, NAN, 1]),
        ("close > 1 or open > 1", [1, 1, NAN, NAN, 1]),
        ("close if open > 1 else -close", [1, -2, NAN, NAN, 4]),
        ("max(close, 2) - min(open, 2)", [0, 1, NAN, NAN, 2]),
        ("-close ** 2", [-1, -4, NAN, -9, -16]),
        ("signedpower(-close, 2)", [-1, -4, NAN, -9, -16]),
        ("sign(close - open)", [-1, 1, NAN, NAN, 0]),
        ("sqrt(abs(-close)) * log(open / open)", [0, 0, NAN, NAN, 0]),
    ],
)
def test_elementwise(text: str, wanted: list[float]) -> None:
    found = values(text, close=[1, 2, NAN, 3, 4], open=[3, 1, 2, NAN, 4])
    np.testing.assert_allclose(found, wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Mean(close, 3)", [3, 2, 2, 1, 3]),
        ("ts_mean(close, 3)", [NAN, NAN, NAN, NAN, NAN]),
        ("ts_mean(close, 2)", [NAN, 2, NAN, NAN, 3]),
        ("Rank(close, 3)", [1, 0.5, NAN, 0.75, 1]),
        ("ts_rank(close, 2)", [NAN, 0.5, NAN, NAN, 1]),
        ("IdxMax(close, 3)", [1, 1, 1, 1, 3]),
        ("IdxMin(close, 3)", [1, 2, 2, 1, 2]),
        ("ts_argmax(close, 2)", [NAN, 1, NAN, NAN, 0]),
        ("ts_argmin(close, 2)", [NAN, 0, NAN, NAN, 1]),
        ("decay_linear(close, 2)", [NAN, (3 + 2) / 3, NAN, NAN, (1 + 5 * 2) / 3]),
        ("product(close, 2)", [NAN, 3, NAN, NAN, 5]),
        ("delay(close, 1)", [NAN, 3, 1, NAN, 1]),
        ("max_drawdown(close, 2)", [NAN, 2 / 3, NAN, NAN, 0]),
    ],
)
def test_windows_of_numbers_with_one_missing(text: str, wanted: list[float]) -> None:
    np.testing.assert_allclose(values(text, close=[3, 1, NAN, 1, 5]), wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("max_drawdown(close, 5)", 0.5),
        ("max_drawdown(close, 3)", 0.2),
        ("tail_mean(close, 5, 0.5)", 13 / 3),
        ("ts_quantile(close, 5, 0.625)", 5.5),
        ("ts_argmax(close, 5)", 3),
        ("Slope(close, 2)", -1),
        ("Resi(close, 3)", -1 / 3),
        ("Rsquare(close, 2)", 1),
        ("correlation(close, close, 4)", 1),
        ("covariance(close, close, 2)", 0.5),
    ],
)
def test_windows_of_five_closes(text: str, wanted: float) -> None:
    assert values(text, close=[6, 8, 4, 5, 4])[-1] == pytest.approx(wanted)


def test_what_does_not_vary_has_no_correlation_and_no_trend() -> None:
    constant = [0.1 + 0.2] * 30
    other = list(np.random.RandomState(0).normal(size=30))
    for text in ("correlation(close, open, 20)", "Corr(close, open, 20)", "Rsquare(close, 20)"):
        assert np.isnan(values(text, close=constant, open=other)).all(), text


def test_an_ewma_forgets_at_its_decay() -> None:
    np.testing.assert_allclose(values("ewma(close, 0.9)", close=[1, 0, 0, 0]), [1, 0.9, 0.81, 0.729])
