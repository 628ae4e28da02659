"""The days of the prices that a row's target is made of, by which splits are purged."""

import numpy as np
import pandas as pd


def label_days(prices: pd.DataFrame) -> pd.DataFrame:
    """First and last day of the prices behind each row's target, C[t+2] / C[t+1] - 1.

    They are the days of the stock's own next two rows, whether or not those are ever part of the panel. A file may give
    a target for a stock's last two rows, whose label days it does not show: then the market's next day counts (the next
    distinct day of the whole table), and where the table ends, the next weekday.

    Args:
        prices: The source's full table, by code and date, before any row is dropped.

    Returns:
        Columns label_from and label_until, later than the row's date in this order, on the table's index.
    """
    days = prices["date"].to_numpy().astype("datetime64[D]")
    codes = prices["code"]
    label_from = _own_next(days, codes, 1, otherwise=_next_day(days, days))
    label_until = _own_next(days, codes, 2, otherwise=_next_day(label_from, days))
    named = {"label_from": label_from, "label_until": label_until}
    return pd.DataFrame({name: values.astype("datetime64[us]") for name, values in named.items()}, index=prices.index)


def _own_next(days: np.ndarray, codes: pd.Series, n_rows: int, otherwise: np.ndarray) -> np.ndarray:
    """The stock's day n_rows further on, or `otherwise` where it has none."""
    is_own = (codes == codes.shift(-n_rows)).to_numpy()[: len(days) - n_rows]
    later = otherwise.copy()
    later[: len(days) - n_rows][is_own] = days[n_rows:][is_own]
    return later


def _next_day(days: np.ndarray, market: np.ndarray) -> np.ndarray:
    """The market's next day after each day, or the next weekday after its last."""
    calendar = np.unique(market)
    after = np.searchsorted(calendar, days, side="right")
    weekday = np.busday_offset(days, 1, roll="backward")
    return np.where(after < len(calendar), calendar[np.minimum(after, len(calendar) - 1)], weekday)
