"""Wordings of questions and answers about a panel's row, by rule.

A question shows what is known on the row's day; of the outcome only a direction enters an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from tasks.mix.config import MixConfig

Row = Mapping[str, Any]
UP, DOWN = "up", "down"
LEVELS = ("log_close", "log_volume")
"""Features that nearly name a day by their size."""
TREND, VOLATILITY = "ret_30d", "vol_20d"
WORDS = {
    "ret_5d": ("5-day log return", "+"),
    "ret_30d": ("30-day log return", "+"),
    "vol_20d": ("20-day volatility of daily log returns", ""),
}
"""What a feature is called, and whether its sign is always shown; others by their column's name, with it."""
EQUITIES, RISKS, STOPS = (10_000, 25_000, 50_000, 100_000), (0.5, 1.0, 2.0), (1.5, 2.0, 3.0)
"""Of a trade: the account, percent of it at risk, and volatilities from entry to stop."""
MAX_LEVERAGE = 10
"""Position over equity, at most: a pegged pair's volatility would allow any."""


def feature_prompt(row: Row, features: list[str], horizon: int, config: MixConfig) -> str:
    """Ask for the direction of a pair from its features.

    Args:
        row: A panel's row.
        features: Columns to show, of which levels only with the day.
        horizon: Weekdays ahead.
        config: Whether pair and day are named, and decimals.
    """
    shown = [name for name in features if config.names_day or name not in LEVELS]
    numbers = ", ".join(_number(name, row[name], config.decimals) for name in shown)
    return (
        f"{_subject(row, config)}: {numbers}. Will it be higher or lower in {horizon} weekdays? Begin the answer with "
        f"{UP} or {DOWN}."
    )


def feature_answer(row: Row, rises: bool, horizon: int) -> str:
    """A direction, and whether it continues the trend of the last 30 days, if there is one."""
    trend = row.get(TREND, 0.0)
    how = "continuing" if (trend > 0) == rises else "reversing"
    clause = f", {how} the move of the last 30 days" if trend else ""
    direction, verb = (UP, "rises") if rises else (DOWN, "falls")
    return f"{direction}: over the next {horizon} weekdays it {verb}{clause}."


@dataclass(frozen=True)
class Trade:
    """A trade that is described from the past alone.

    Args:
        volatility: Standard deviation of daily log returns, as it is shown.
        equity: Of the account.
        risk: Percent of the equity that a stop-out costs.
        n_volatilities: Distance of the stop.
    """

    volatility: str
    equity: int
    risk: float
    n_volatilities: float

    @classmethod
    def of(cls, row: Row, rng: Generator) -> "Trade":
        """A trade of a row whose volatility is above 0."""
        shown = np.format_float_positional(row[VOLATILITY], precision=3, fractional=False, trim="-")
        equity, risk, n_volatilities = (rng.integers(len(choices)) for choices in (EQUITIES, RISKS, STOPS))
        return cls(shown, EQUITIES[equity], RISKS[risk], STOPS[n_volatilities])

    @property
    def stop(self) -> float:
        """Distance of the stop as a fraction of the entry."""
        return self.n_volatilities * float(self.volatility)

    def prompt(self, row: Row, side: str, horizon: int, config: MixConfig) -> str:
        """Ask for stop and size of a trade on a side; on either, if none is given."""
        trend = f", {_number(TREND, row[TREND], config.decimals)}" if TREND in row else ""
        plan, asked = (f"to be {side}", "Where") if side else ("a trade", "Long or short, where")
        return (
            f"{_subject(row, config)}: {WORDS[VOLATILITY][0]} {self.volatility}{trend}. You plan {plan} for {horizon} "
            f"weekdays with an equity of {self.equity:,}. The stop is {self.n_volatilities:g} daily volatilities from "
            f"the entry, being stopped out costs {self.risk:g} % of the equity, and the position is at most "
            f"{MAX_LEVERAGE} times the equity. {asked} is the stop, and how large is the position?"
        )

    def answer(self, side: Literal["long", "short"]) -> str:
        """Stop and size by rule, from the numbers that the prompt shows."""
        loss, most = self.equity * self.risk / 100, MAX_LEVERAGE * self.equity
        size = loss / self.stop
        limit = f", but at most {most:,}" if size > most else ""
        where = "below" if side == "long" else "above"
        return (
            f"{side}: the stop is {self.n_volatilities:g} x {self.volatility} = {100 * self.stop:.3g} % {where} the "
            f"entry, the position {loss:g} / {self.stop:.3g} = {size:,.0f}{limit}."
        )


def _subject(row: Row, config: MixConfig) -> str:
    pair = f"The pair {row['code']}" if config.names_pair else "A currency pair"
    return f"{pair} after the close" + (f" of {row['date']:%Y-%m-%d}" if config.names_day else "")


def _number(name: str, value: float, decimals: int) -> str:
    words, sign = WORDS.get(name, (name, "+"))
    return f"{words} {value:{sign}z.{decimals}f}"
