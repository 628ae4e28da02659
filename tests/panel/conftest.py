import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def jpx_prices() -> pd.DataFrame:
    """Two stocks, 60 business days to the end of January 2021, in the JPX columns."""
    days = pd.bdate_range(end="2021-01-29", periods=60)
    rng = np.random.default_rng(0)
    stocks = [
        pd.DataFrame(
            {
                "Date": days.strftime("%Y-%m-%d"),
                "SecuritiesCode": code,
                "Close": 100 * np.exp(rng.normal(0, 0.01, 60).cumsum()),
                "Volume": rng.integers(1000, 9000, 60),
                "Target": rng.normal(0, 0.01, 60),
            }
        )
        for code in (1301, 1302)
    ]
    return pd.concat(stocks, ignore_index=True)
