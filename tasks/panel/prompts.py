"""The sentence a language model reads about each row."""

import pandas as pd

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


def jpx_name(code: object) -> str:
    """How the seed contract's sentence names a stock."""
    return f"Japanese Tokyo Stock Exchange securities code {code}"


NAMES = {"sp500": sp500_name, "jpx": jpx_name}
"""By the source's kind."""


def sentences(rows: pd.DataFrame, kind: str) -> list[str]:
    """One sentence per row: day, stock, recent returns and volatility; never the target.

    Args:
        rows: Columns code, date, ret_5d, ret_30d, vol_20d.
        kind: The source's kind, which decides how stocks are named.

    Returns:
        Sentences in row order.
    """
    name = NAMES[kind]
    columns = zip(rows["date"], rows["code"], rows["ret_5d"], rows["ret_30d"], rows["vol_20d"], strict=True)
    return [
        f"On {day:%Y-%m-%d}, {name(code)} had recent 5-day log return {ret_5d:+.4f}, "
        f"30-day log return {ret_30d:+.4f}, 20-day volatility {vol_20d:.4f}."
        for day, code, ret_5d, ret_30d, vol_20d in columns
    ]
