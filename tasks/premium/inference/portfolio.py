"""A long-short portfolio from walk-forward predictions: Sharpe ratios before and after costs, with errors by date."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.premium.config import PortfolioConfig
from tasks.premium.inference.day_blocks import day_estimate
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray
from tasks.schemas.checks import DayEstimate, Portfolio, PortfolioDifference

MIN_DAYS = 20
"""Four blocks of days: with fewer, the spread over blocks says nothing about a ratio's error."""
DAYS_PER_YEAR = 365.25
ROUNDING = 1e-9
"""0.2 * 15 stocks must be three, however a float rounds."""
FIGURES = ("gross", "net")


@dataclass(frozen=True, eq=False)
class TradedDays:
    """What a portfolio earned, day by day.

    Args:
        days: Indexed by day: gross and net return, and turnover; only days whose predictions order enough stocks.
        n_tested_days: Days with a prediction.
        stocks_per_day: Median over the tested days.
        least: Stocks that a day needs.
    """

    days: pd.DataFrame
    n_tested_days: int
    stocks_per_day: float
    least: int


def trade(rows: Rows, predictions: FloatArray, config: PortfolioConfig) -> TradedDays:
    """Hold, over the days of each row's target, the highest predictions long and the lowest short, in equal weights.

    Stocks of equal predictions share their places. What is traded is the change of each stock's weight; a position is
    closed where its stock has no row on the next day, or where that day's target begins after this one has ended.

    Args:
        rows: The panel.
        predictions: (n_rows,) out of sample; NaN where there is none.
        config: Quantile and costs.
    """
    names = ["code", "date", "label_from", "label_until"]
    table = rows.labels[names].assign(prediction=predictions, target=rows.target)[np.isfinite(predictions)]
    sizes = table.groupby("date").size()
    held = _weigh(table, config.quantile)
    held = held.assign(gross=held["weight"] * held["target"], turnover=_traded(held))
    days = held.groupby("date")[["gross", "turnover"]].sum()
    days["net"] = days["gross"] - days["turnover"] * config.cost_bps / 1e4
    least = int(np.ceil(1 / config.quantile - ROUNDING))
    return TradedDays(days, len(sizes), float(sizes.median()) if len(sizes) else 0.0, least)


def _weigh(table: pd.DataFrame, quantile: float) -> pd.DataFrame:
    """Rows of the days that count, with their weights: each side sums to at most 1."""
    by_day = table.groupby("date")["prediction"]
    place, n_stocks = by_day.rank(method="first"), by_day.transform("size")
    n_side = np.floor(quantile * n_stocks + ROUNDING)
    side = (place > n_stocks - n_side).astype(float) - (place <= n_side)
    table = table.assign(weight=side / n_side.where(n_side > 0))
    table["weight"] = table.groupby(["date", "prediction"])["weight"].transform("mean")
    return table[table["weight"].abs().groupby(table["date"]).transform("sum") > 0]


def _traded(held: pd.DataFrame) -> pd.Series:
    """What each row buys or sells: the change from its stock's last weight, and its own weight where it is closed."""
    by_day = held.groupby("date")
    # Numbers of days in a row without a gap; a gap skips a number.
    gaps = by_day["label_from"].min() > by_day["label_until"].max().shift()
    number = held["date"].map(pd.Series(np.arange(len(gaps)), gaps.index) + gaps.cumsum())
    ordered = pd.DataFrame({"code": held["code"], "number": number, "weight": held["weight"]}).sort_values("number")
    by_code = ordered.groupby("code")
    is_kept = by_code["number"].shift(-1) == ordered["number"] + 1
    is_held = by_code["number"].shift() == ordered["number"] - 1
    before = by_code["weight"].shift().where(is_held, 0.0)
    closed = ordered["weight"].abs().where(~is_kept, 0.0)
    return (ordered["weight"] - before).abs() + closed


def portfolio(traded: TradedDays) -> Portfolio:
    """The portfolio's Sharpe ratios; none, with the reason, where too few days count."""
    days = traded.days
    reason = (
        f"{len(days)} of {traded.n_tested_days} tested days have {traded.least} stocks that the predictions order, "
        f"{MIN_DAYS} are needed; the median day has {traded.stocks_per_day:g}: raise panel.n_stocks or "
        "panel.dates_per_stock."
    )
    counts = {
        "n_tested_days": traded.n_tested_days,
        "n_days": len(days),
        "stocks_per_day": traded.stocks_per_day,
    }
    if len(days) < MIN_DAYS:
        none = DayEstimate(point=None, n_days=len(days), why_none=reason)
        return Portfolio(gross=none, net=none, **counts)
    gross, net = (_estimate(*_sharpe(days[name])) for name in FIGURES)
    return Portfolio(
        gross=gross,
        net=net,
        turnover=float(days["turnover"].mean()),
        days_per_year=_days_per_year(days.index),
        **counts,
    )


def difference(one: TradedDays, other: TradedDays) -> PortfolioDifference:
    """One portfolio's Sharpe ratios less another's over the days that count for both, paired by day.

    Source: Ledoit and Wolf (2008), Robust performance hypothesis testing with the Sharpe ratio, J. Empirical Finance
        15(5).
    """
    days = one.days.index.intersection(other.days.index)
    if len(days) < MIN_DAYS:
        reason = f"{len(days)} days count for both models, {MIN_DAYS} are needed"
        none = DayEstimate(point=None, n_days=len(days), why_none=reason)
        return PortfolioDifference(gross=none, net=none)
    gross, net = (_paired(one.days.loc[days, name], other.days.loc[days, name]) for name in FIGURES)
    return PortfolioDifference(gross=gross, net=net)


def _paired(one: pd.Series, other: pd.Series) -> DayEstimate:
    (first, moves), (second, other_moves) = _sharpe(one), _sharpe(other)
    return _estimate(first - second, moves - other_moves)


def _sharpe(returns: pd.Series) -> tuple[float, FloatArray]:
    """The annualised ratio of mean to deviation, and by how much each day moves it; NaN where returns do not vary.

    The ratio of a day times the root of the days per year: annualised as if days were uncorrelated. Its error is not:
    the days' influences are summed over blocks.
    Source: Lo (2002), The statistics of Sharpe ratios, Financial Analysts Journal 58(4).
    """
    values, scale = returns.to_numpy(np.float64), np.sqrt(_days_per_year(returns.index))
    deviation = values.std()
    with np.errstate(divide="ignore", invalid="ignore"):
        standardized = (values - values.mean()) / deviation
        ratio = float(values.mean() / deviation)
        return scale * ratio, scale * (standardized - ratio / 2 * (standardized**2 - 1))


def _estimate(point: float, influences: FloatArray) -> DayEstimate:
    if not np.isfinite(point):
        return DayEstimate(point=None, n_days=len(influences), why_none="its returns do not vary")
    return day_estimate(point, influences)


def _days_per_year(days: pd.Index) -> float:
    return float((len(days) - 1) / ((days.max() - days.min()).days / DAYS_PER_YEAR))
