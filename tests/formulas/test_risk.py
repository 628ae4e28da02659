"""Volatility, risk and jump measures against the textbook formula, written out in numpy for one window at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tasks.formulas.catalogue import Catalogue
from tasks.formulas.evaluate import evaluate
from tasks.formulas.nodes import columns_of
from tasks.formulas.operators.registry import FloatArray
from tasks.formulas.panel import Panel, panel_from_rows
from tests.formulas.prices import N_DAYS


@dataclass(frozen=True)
class History:
    """One entity's series up to a day."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    amount: FloatArray
    benchmark: FloatArray

    def r(self, d: int) -> FloatArray:
        """The last d returns."""
        return (self.close[1:] / self.close[:-1] - 1)[-d:]

    def log_r(self, d: int) -> FloatArray:
        return np.diff(np.log(self.close))[-d:]

    def m(self, d: int) -> FloatArray:
        return self.benchmark[-d:]

    def last(self, d: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        return self.open[-d:], self.high[-d:], self.low[-d:], self.close[-d:]


YEAR = np.sqrt(252)


def rogers_satchell(h: History, d: int) -> float:
    o, hi, lo, c = h.last(d)
    return np.mean(np.log(hi / c) * np.log(hi / o) + np.log(lo / c) * np.log(lo / o))


def yang_zhang(h: History, d: int) -> float:
    o, _, _, c = h.last(d)
    nights = np.log(o / h.close[-d - 1 : -1])
    k = 0.34 / (1.34 + (d + 1) / (d - 1))
    return np.sqrt(np.var(nights, ddof=1) + k * np.var(np.log(c / o), ddof=1) + (1 - k) * rogers_satchell(h, d)) * YEAR


def garman_klass(h: History, d: int) -> float:
    o, hi, lo, c = h.last(d)
    return np.sqrt(np.mean(0.5 * np.log(hi / lo) ** 2 - (2 * np.log(2) - 1) * np.log(c / o) ** 2)) * YEAR


def ewma(h: History) -> float:
    variance = h.r(N_DAYS)[0] ** 2
    for one in h.r(N_DAYS)[1:]:
        variance = 0.94 * variance + 0.06 * one**2
    return np.sqrt(variance) * YEAR


def bipower(h: History, d: int) -> float:
    a = np.abs(h.log_r(d + 1))
    return np.pi / 2 * np.sum(a[1:] * a[:-1])


def bns(h: History, d: int) -> float:
    a = np.abs(h.log_r(d + 3))
    quad = d * (np.pi / 2) ** 2 * np.sum(a[3:] * a[2:-1] * a[1:-2] * a[:-3])
    bv, rv = bipower(h, d), np.sum(h.log_r(d) ** 2)
    return (1 - bv / rv) / np.sqrt((np.pi**2 / 4 + np.pi - 5) / d * max(1, quad / bv**2))


def lee_mykland(h: History) -> float:
    """Lee and Mykland's definition 1 with K = 16, by its own indices."""
    r, k = h.log_r(N_DAYS), 16
    i = len(r) - 1
    variance = sum(abs(r[j]) * abs(r[j - 1]) for j in range(i - k + 2, i)) / (k - 2)
    return r[i] / np.sqrt(variance)


def drawdown(closes: FloatArray) -> float:
    return max(1 - closes[j] / closes[i] for i in range(len(closes)) for j in range(i, len(closes)))


def beta(h: History, d: int) -> float:
    return np.polyfit(h.m(d), h.r(d), 1)[0]


def ulcer(h: History, d: int) -> float:
    peaks = [h.close[day - d + 1 : day + 1].max() for day in range(len(h.close) - d, len(h.close))]
    return np.sqrt(np.mean((100 * (h.close[-d:] / peaks - 1)) ** 2))


def downside_beta(h: History, d: int) -> float:
    r, m = h.r(d)[h.m(d) < 0], h.m(d)[h.m(d) < 0]
    return np.sum(r * m) / np.sum(m**2)


WANTED: dict[str, Callable[[History], float]] = {
    "CLOSE_TO_CLOSE20": lambda h: np.std(h.log_r(20), ddof=1) * YEAR,
    "PARKINSON20": lambda h: np.sqrt(np.mean(np.log(h.high / h.low)[-20:] ** 2) / (4 * np.log(2))) * YEAR,
    "GARMAN_KLASS20": lambda h: garman_klass(h, 20),
    "ROGERS_SATCHELL20": lambda h: np.sqrt(rogers_satchell(h, 20)) * YEAR,
    "YANG_ZHANG60": lambda h: yang_zhang(h, 60),
    "EWMA_VOLATILITY": ewma,
    "VOLATILITY_OF_VOLATILITY": lambda h: np.std(
        [np.std(h.r(N_DAYS)[i : i + 20], ddof=1) for i in range(N_DAYS - 80, N_DAYS - 20)], ddof=1
    ),
    "REALIZED_VARIANCE20": lambda h: np.sum(h.log_r(20) ** 2),
    "BIPOWER_VARIATION20": lambda h: bipower(h, 20),
    "JUMP_SHARE20": lambda h: max(0, 1 - bipower(h, 20) / np.sum(h.log_r(20) ** 2)),
    "BNS_JUMP60": lambda h: bns(h, 60),
    "LEE_MYKLAND": lee_mykland,
    "SHARPE252": lambda h: np.mean(h.r(252)) / np.std(h.r(252), ddof=1) * YEAR,
    "SORTINO60": lambda h: np.mean(h.r(60)) / np.sqrt(np.mean(np.minimum(h.r(60), 0) ** 2)) * YEAR,
    "CALMAR": lambda h: (h.close[-1] / h.close[-253] - 1) / drawdown(h.close[-253:]),
    "TREYNOR252": lambda h: np.mean(h.r(252)) * 252 / beta(h, 252),
    "INFORMATION_RATIO60": lambda h: np.mean(h.r(60) - h.m(60)) / np.std(h.r(60) - h.m(60), ddof=1) * YEAR,
    "OMEGA60": lambda h: h.r(60)[h.r(60) > 0].sum() / -h.r(60)[h.r(60) < 0].sum(),
    "BETA_TO_BENCHMARK60": lambda h: beta(h, 60),
    "JENSEN_ALPHA60": lambda h: np.polyfit(h.m(60), h.r(60), 1)[1] * 252,
    "DOWNSIDE_BETA60": lambda h: downside_beta(h, 60),
    "TRACKING_ERROR60": lambda h: np.std(h.r(60) - h.m(60), ddof=1) * YEAR,
    "MAX_DRAWDOWN60": lambda h: drawdown(h.close[-60:]),
    "ULCER_INDEX14": lambda h: ulcer(h, 14),
    "SEMI_DEVIATION60": lambda h: np.sqrt(np.mean(np.minimum(h.r(60), 0) ** 2)) * YEAR,
    "VALUE_AT_RISK252": lambda h: -np.quantile(h.r(252), 0.05),
    "NORMAL_VALUE_AT_RISK60": lambda h: -stats.norm.ppf(0.05, np.mean(h.r(60)), np.std(h.r(60), ddof=1)),
    "EXPECTED_SHORTFALL252": lambda h: -np.mean(h.r(252)[h.r(252) <= np.quantile(h.r(252), 0.05)]),
    "SKEWNESS60": lambda h: stats.skew(h.r(60), bias=False),
    "KURTOSIS60": lambda h: stats.kurtosis(h.r(60), bias=False),
    "AMIHUD20": lambda h: np.mean(np.abs(h.r(20)) / h.amount[-20:]) * 1e6,
    "ROLL_SPREAD20": lambda h: 2 * np.sqrt(max(0, -np.cov(h.r(21)[1:], h.r(21)[:-1])[0, 1])),
}


@pytest.mark.parametrize("name", WANTED)
def test_a_measure_is_its_textbook_formula(
    name: str, catalogue: Catalogue, panel: Panel, computed: dict[str, FloatArray]
) -> None:
    formula = catalogue.find(name)
    assert set(columns_of(formula.node)) <= {"returns", "log_returns", *History.__dataclass_fields__}
    for entity in (0, 5, 11):
        columns = {field: panel.columns[field][:, entity] for field in History.__dataclass_fields__}
        assert computed[formula.key][-1, entity] == pytest.approx(WANTED[name](History(**columns)), rel=1e-8), entity


def test_every_measure_is_held_to_one(catalogue: Catalogue) -> None:
    groups = {catalogue.find(name).group for name in WANTED}
    assert {
        formula.group for formula in catalogue.formulas.values() if formula.family in ("volatility", "risk")
    } == groups


def test_a_jump_is_found_and_only_there(catalogue: Catalogue) -> None:
    """One return of ten deviations among normal ones: Lee and Mykland's day, and the other tests' windows."""

    returns = np.random.RandomState(1).normal(0, 0.01, 300)
    returns[200] = 0.1
    days = pd.bdate_range("2019-01-01", periods=300)
    panel = panel_from_rows(pd.DataFrame({"entity": "A", "date": days, "close": np.exp(np.cumsum(returns))}))
    found = dict(evaluate(catalogue.choose(["LEE_MYKLAND", "BNS_JUMP60", "JUMP_SHARE60"]), panel))
    statistic = found["volatility.LEE_MYKLAND"][:, 0]
    assert np.nanargmax(np.abs(statistic)) == 200
    assert statistic[200] > 8
    z, share = found["volatility.BNS_JUMP60"][:, 0], found["volatility.JUMP_SHARE60"][:, 0]
    assert (z[205:258] > 1.645).all()
    assert (share[205:258] > 0.3).all()
    assert (z[100:199] < 2.4).all()
