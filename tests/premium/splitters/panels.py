"""Panels to split: of hypothesis' choosing, and the goldens' own."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

FIRST_DAY = np.datetime64("2020-11-02")


@st.composite
def labels_tables(draw: st.DrawFn) -> pd.DataFrame:
    """Up to 60 rows of six to nine stocks on any of 60 days; targets use prices up to nine days later."""
    n_rows, n_stocks = draw(st.integers(40, 60)), draw(st.integers(6, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dates = FIRST_DAY + rng.integers(0, 60, n_rows)
    label_from = dates + rng.integers(0, 4, n_rows)
    return pd.DataFrame(
        {
            "code": np.arange(n_rows) % n_stocks,
            "date": dates,
            "label_from": label_from,
            "label_until": label_from + rng.integers(0, 6, n_rows),
        }
    )


def balanced(n_stocks: int, n_days: int) -> pd.DataFrame:
    """Every stock on every one of consecutive days; a target uses the prices of the next two."""
    stocks, days = np.divmod(np.arange(n_stocks * n_days), n_days)
    dates = FIRST_DAY + days
    return pd.DataFrame({"code": stocks, "date": dates, "label_from": dates + 1, "label_until": dates + 2})


def pairs(currencies: list[str], n_days: int) -> pd.DataFrame:
    """Every pair of these currencies, in their order, on every day."""
    named = [(one, other) for place, one in enumerate(currencies) for other in currencies[place + 1 :]]
    table = balanced(len(named), n_days)
    legs = np.array(named)[table["code"]]
    return table.assign(code=[f"{one}/{other}" for one, other in legs], leg_1=legs[:, 0], leg_2=legs[:, 1])
