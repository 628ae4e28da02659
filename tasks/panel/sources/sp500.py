"""20 stocks of the S&P 500, 1990 to 2022, as the package skfolio ships them."""

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
"""Company names as texts use them. A ticker alone is rare in prose."""


def sp500_prices() -> pd.DataFrame:
    """Columns code, date and close (split-adjusted), by code and date."""
    from skfolio.datasets import load_sp500_dataset

    closes = load_sp500_dataset().rename_axis(index="date", columns="code").stack().rename("close")
    prices: pd.DataFrame = closes.reset_index().sort_values(["code", "date"], ignore_index=True)
    return prices


def sp500_name(code: object) -> str:
    """Name of a stock in sentences."""
    return f"S&P 500 stock {COMPANIES[str(code)]} ({code})"
