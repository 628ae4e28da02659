"""The sentence a language model reads about each row, with its day and without."""

from collections.abc import Callable, Iterable

import pandas as pd

from tasks.panel.config import CsvSource, EcbFxSource, JpxSource, PlantedSource, Source, Sp500Source
from tasks.panel.sources.currencies import pair_name

COMPANIES = {
    "AAPL": "Apple",
    "AMD": "Advanced Micro Devices",
    "BAC": "Bank of America",
    "BBY": "Best Buy",
    "CVX": "Chevron",
    "GE": "General Electric",
    "HD": "Home Depot",
    "JNJ": "Johnson & Johnson",
    "JPM": "JPMorgan Chase",
    "KO": "Coca-Cola",
    "LLY": "Eli Lilly",
    "MRK": "Merck",
    "MSFT": "Microsoft",
    "PEP": "PepsiCo",
    "PFE": "Pfizer",
    "PG": "Procter & Gamble",
    "RRC": "Range Resources",
    "UNH": "UnitedHealth",
    "WMT": "Walmart",
    "XOM": "ExxonMobil",
}
"""Names under which texts speak of the 20 stocks; a ticker alone is rare in prose."""


def sp500_name(code: object) -> str:
    """How a sentence names one of the 20 S&P 500 stocks."""
    return f"S&P 500 stock {COMPANIES[str(code)]} ({code})"


def name_in(source: Source) -> Callable[[object], str]:
    """How sentences about a source's rows name a code."""
    match source:
        case Sp500Source():
            return sp500_name
        case EcbFxSource():
            return pair_name
        case JpxSource():
            # The seed contract's words.
            return "Japanese Tokyo Stock Exchange securities code {}".format
        case CsvSource():
            return lambda code: f"{source.name} {code}"
        case PlantedSource():
            return "synthetic stock {}".format


def undated_sentences(rows: pd.DataFrame, source: Source) -> list[str]:
    """One sentence per row: stock, recent returns and volatility; neither its day nor the target.

    Args:
        rows: Columns code, ret_5d, ret_30d, vol_20d.
        source: Decides how stocks are named.

    Returns:
        Sentences in row order.
    """
    name = name_in(source)
    columns = zip(rows["code"], rows["ret_5d"], rows["ret_30d"], rows["vol_20d"], strict=True)
    return [
        f"{name(code)} had recent 5-day log return {ret_5d:+.4f}, "
        f"30-day log return {ret_30d:+.4f}, 20-day volatility {vol_20d:.4f}."
        for code, ret_5d, ret_30d, vol_20d in columns
    ]


def dated(sentences: Iterable[str], dates: Iterable[pd.Timestamp]) -> list[str]:
    """The same sentences with their days before them."""
    return [f"On {day:%Y-%m-%d}, {sentence}" for day, sentence in zip(dates, sentences, strict=True)]
