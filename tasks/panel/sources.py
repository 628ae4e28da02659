"""Daily prices in one shape, whoever recorded them.

Columns of every table: code (str or int), date (day), close, volume where recorded, target.
"""

import gzip
import hashlib
import io
import zlib
from importlib.metadata import version

import fsspec
import pandas as pd
from pydantic import JsonValue

from tasks.panel.config import JpxSource, Sp500Source
from tasks.panel.errors import AmbiguousPrices, UnreadablePrices

JPX_COLUMNS = {"SecuritiesCode": "code", "Date": "date", "Close": "close", "Volume": "volume", "Target": "target"}
GZIP_MAGIC = b"\x1f\x8b"


def read_prices(source: Sp500Source | JpxSource) -> tuple[pd.DataFrame, dict[str, JsonValue]]:
    """Read a source's prices, by stock and day.

    Args:
        source: Which prices.

    Returns:
        The table, sorted by code and date, and what pins the source: a package version or a file's digest.

    Raises:
        UnreadablePrices: If the file cannot be read as such a table, or has another digest than asked for.
        AmbiguousPrices: If a stock has two rows for one day.
    """
    if isinstance(source, JpxSource):
        prices, pins = _read_jpx(source)
    else:
        prices, pins = _read_sp500(), {"skfolio": version("skfolio")}
    _refuse_two_prices_a_day(prices)
    return prices.sort_values(["code", "date"], ignore_index=True), pins


def two_day_target(close: pd.Series) -> pd.Series:
    """Return of the day after next over the next day, C[t+2] / C[t+1] - 1, as JPX defines its Target.

    Args:
        close: Adjusted closes of one stock in day order.

    Returns:
        One target per row, missing on the last two.
    """
    return close.shift(-2) / close.shift(-1) - 1


def _read_sp500() -> pd.DataFrame:
    from skfolio.datasets import load_sp500_dataset

    closes = load_sp500_dataset()
    prices: pd.DataFrame = closes.rename_axis(index="date", columns="code").stack().rename("close").reset_index()
    prices = prices.sort_values(["code", "date"], ignore_index=True)
    prices["target"] = prices.groupby("code")["close"].transform(two_day_target)
    return prices


def _read_jpx(source: JpxSource) -> tuple[pd.DataFrame, dict[str, JsonValue]]:
    try:
        with fsspec.open(source.csv, "rb") as file:
            content: bytes = file.read()
    except (OSError, ValueError, ImportError) as error:
        raise UnreadablePrices(
            f"price file {source.csv} cannot be read: {error}; give the path of a stock_prices.csv."
        ) from error
    sha256 = hashlib.sha256(content).hexdigest()
    if source.sha256 not in (None, sha256):
        raise UnreadablePrices(
            f"price file {source.csv} has sha256 {sha256}, the recipe asks for {source.sha256}; "
            "fetch the file again or change panel.source.sha256."
        )
    return _parse_jpx(content, source.csv), {"csv_sha256": sha256}


def _parse_jpx(content: bytes, name: str) -> pd.DataFrame:
    try:
        plain = gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content
        table = pd.read_csv(io.BytesIO(plain))
        _refuse_missing_keys(table, name)
        prices = table[list(JPX_COLUMNS)].rename(columns=JPX_COLUMNS)
        prices["date"] = pd.to_datetime(prices["date"])
        return prices.astype({"close": float, "volume": float, "target": float})
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise UnreadablePrices(f"price file {name} is no table of prices: {error}.") from error


def _refuse_missing_keys(table: pd.DataFrame, name: str) -> None:
    if missing := [column for column in JPX_COLUMNS if column not in table.columns]:
        raise UnreadablePrices(
            f"price file {name} lacks {', '.join(missing)}; a panel needs the columns {', '.join(JPX_COLUMNS)}."
        )
    if n_nameless := int(table[["SecuritiesCode", "Date"]].isna().any(axis=1).sum()):
        raise UnreadablePrices(
            f"{n_nameless} of {len(table)} rows of price file {name} lack SecuritiesCode or Date; remove them."
        )


def _refuse_two_prices_a_day(prices: pd.DataFrame) -> None:
    twice = prices[prices.duplicated(["code", "date"])]
    if not twice.empty:
        first = twice.iloc[0]
        raise AmbiguousPrices(
            f"stock {first['code']} has more than one row for {first['date']:%Y-%m-%d}, and {len(twice)} rows in all "
            "repeat a stock's day; keep one row per stock and day."
        )
