"""20 stocks of the S&P 500, 1990 to 2022, as the package skfolio ships them."""

import pandas as pd


def sp500_prices() -> pd.DataFrame:
    """Columns code, date and close (split-adjusted), by code and date."""
    from skfolio.datasets import load_sp500_dataset

    closes = load_sp500_dataset().rename_axis(index="date", columns="code").stack().rename("close")
    prices: pd.DataFrame = closes.reset_index().sort_values(["code", "date"], ignore_index=True)
    return prices
