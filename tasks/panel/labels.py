"""Each row's target, over two days or a horizon, and the days of the prices behind it, by which splits are purged."""

import numpy as np
import pandas as pd

from tasks.panel.features import split_so_far


def two_day_target(prices: pd.DataFrame) -> pd.Series:
    """Return of the day after next over the next day, C[t+2] / C[t+1] - 1 adjusted, as JPX defines its Target.

    Args:
        prices: Closes and, where recorded, adjustment, by code and date.

    Returns:
        (n_rows,); missing where one of the two closes is missing or zero, as on a stock's last two rows.
    """
    close = prices["close"].where(prices["close"] > 0)
    # JPX records a split's factor on the last day before it, here the label's first.
    before = close * prices["adjustment"].fillna(1.0) if "adjustment" in prices.columns else close
    ahead = pd.DataFrame({"code": prices["code"], "close": close, "before": before}).groupby("code")
    return ahead["close"].shift(-2) / ahead["before"].shift(-1) - 1


def return_ahead(prices: pd.DataFrame, horizon: int) -> pd.Series:
    """Return over a stock's next prices, C[t+horizon] / C[t] - 1 adjusted.

    Args:
        prices: Closes and, where recorded, adjustment, by code and date.
        horizon: Rows of the stock ahead, at least one.

    Returns:
        (n_rows,); missing where one of the two closes is missing or zero, as on a stock's last `horizon` rows.
    """
    close = prices["close"].where(prices["close"] > 0)
    if "adjustment" in prices.columns:
        close = close * np.exp(-split_so_far(prices))
    ahead: pd.Series = close.groupby(prices["code"]).shift(-horizon) / close - 1
    return ahead


def label_days(prices: pd.DataFrame, horizon: int = 2) -> pd.DataFrame:
    """First and last day of the prices behind each row's target, apart from the row's own.

    They are the days of the stock's own next rows, up to `horizon` ahead, even if those are not part of the panel. A
    file may have a target for a stock's last two rows, without the rows of its label days. Then the next distinct day
    of the whole table is taken and, after the table's last day, the next weekday.

    Args:
        prices: The source's full table, by code and date, before any row is dropped.
        horizon: Rows ahead of the target's last price.

    Returns:
        Columns label_from and label_until on the table's index: date < label_from <= label_until.
    """
    days = prices["date"].to_numpy().astype("datetime64[D]")
    own = prices.groupby("code")["date"]
    first, last = (own.shift(-n_rows).to_numpy().astype("datetime64[D]") for n_rows in (1, horizon))
    label_from = np.where(np.isnat(first), _next_day(days, days), first)
    label_until = np.where(np.isnat(last), _next_day(label_from, days), last)
    named = {"label_from": label_from, "label_until": label_until}
    return pd.DataFrame({name: values.astype("datetime64[us]") for name, values in named.items()}, index=prices.index)


def _next_day(days: np.ndarray, market: np.ndarray) -> np.ndarray:
    """The market's next day after each day, or the next weekday after its last."""
    calendar = np.unique(market)
    after = np.searchsorted(calendar, days, side="right")
    weekday = np.busday_offset(days, 1, roll="backward")
    return np.where(after < len(calendar), calendar[np.minimum(after, len(calendar) - 1)], weekday)
