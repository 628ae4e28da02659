"""Which stocks and which of their days make the panel."""

from datetime import date

import numpy as np
import pandas as pd
from pydantic import JsonValue

from tasks.panel.errors import EmptySplit, TooFewStocks

Codes = list[str] | list[int]


def longest_histories(rows: pd.DataFrame, n_stocks: int) -> Codes:
    """The stocks with most rows, ties by ascending code.

    Args:
        rows: One per stock and day, by code and date.
        n_stocks: Stocks to keep at most.

    Returns:
        Codes in ascending order.
    """
    # A stable sort keeps groupby's ascending codes within a tie; value_counts promises no order there.
    n_rows = rows.groupby("code").size().sort_values(ascending=False, kind="stable")
    return sorted(n_rows.index[:n_stocks].tolist())


def of_drawn_days(rows: pd.DataFrame, n_days: int | None, seed: int) -> pd.DataFrame:
    """The rows of so many days, drawn without replacement for all stocks together; all rows if there are no more days.

    Args:
        rows: One per stock and day.
        n_days: Days to draw; None for all.
        seed: Seed of the days, independent of `draw_days` with the same seed.
    """
    days = np.sort(rows["date"].unique())
    if n_days is None or len(days) <= n_days:
        return rows
    drawn = np.random.default_rng((seed, 1)).choice(days, n_days, replace=False)
    return rows[rows["date"].isin(drawn)].reset_index(drop=True)


def of_window(rows: pd.DataFrame, last_day: date | None, n_last_days: int | None) -> pd.Series:
    """(n_rows,) whether a row's day is among the last ones up to a day.

    Args:
        rows: One per stock and day.
        last_day: None for the last of all rows.
        n_last_days: Distinct days; None for all.

    Raises:
        EmptySplit: If no row is dated on or before the last day.
    """
    days = np.sort(rows["date"].unique())
    if last_day is not None:
        days = days[days <= np.datetime64(last_day)]
    if not len(days):
        raise EmptySplit(
            f"no row with features and a target on or before panel.last_day={last_day}; they begin on "
            f"{rows['date'].min():%Y-%m-%d}. Move it forward."
        )
    return rows["date"].isin(days if n_last_days is None else days[-n_last_days:])


def draw_days(rows: pd.DataFrame, codes: Codes, dates_per_stock: int, seed: int) -> pd.DataFrame:
    """Draw days without replacement, stock by stock in code order, from one generator.

    Args:
        rows: One per stock and day, by code and date.
        codes: Stocks to draw from, ascending. A stock without rows gets none.
        dates_per_stock: Days per stock. A stock with no more days keeps all of them in day order and uses no random
            number.
        seed: Seed of the generator.

    Returns:
        The drawn rows in the order drawn.
    """
    rng = np.random.default_rng(seed)
    of_stock = rows.groupby("code").indices
    drawn = []
    for code in codes:
        positions = np.asarray(of_stock.get(code, []), dtype=np.int64)
        if len(positions) > dates_per_stock:
            positions = positions[rng.choice(len(positions), size=dates_per_stock, replace=False)]
        drawn.append(positions)
    return rows.iloc[np.concatenate(drawn)].reset_index(drop=True)


def survivorship(
    observed: pd.DataFrame, candidates: pd.DataFrame, codes: Codes, n_stocks: int, test_from: date, what: str
) -> dict[str, JsonValue]:
    """Count how far the choice of stocks looked ahead.

    Args:
        observed: The source's rows that count as a history, by code and date: of prices those with a close.
        candidates: Rows with features and target, of all stocks.
        codes: The stocks chosen.
        n_stocks: Stocks to choose at most.
        test_from: First day of the test side.
        what: What is observed: a close, or a table's row.

    Returns:
        Number of stocks observed before the cut; of the chosen ones, the number not observed on or after it, observed
        for the last time before the source's last day, without a row to draw, and those that a choice by whole
        histories would have taken too.
    """
    span = observed.groupby("code")["date"].agg(["min", "max"])
    last = span.loc[codes, "max"]
    cut, last_day = pd.Timestamp(test_from), observed["date"].max()
    return {
        "n_stocks_before_cut": int((span["min"] < cut).sum()),
        f"n_chosen_without_test_{what}": int((last < cut).sum()),
        "n_chosen_ended_early": int((last < last_day).sum()),
        "n_chosen_without_row": len(set(codes) - set(candidates["code"].unique())),
        "n_chosen_by_whole_span_too": len(set(codes) & set(longest_histories(candidates, n_stocks))),
    }


def check_n_stocks(
    n_stocks: int,
    condition: str,
    what: str = "stock(s)",
    way_out: str = "a stock needs 31 days with a close and a target",
) -> None:
    """Raise TooFewStocks if fewer than two stocks meet the condition, which the message quotes."""
    if n_stocks < 2:
        raise TooFewStocks(f"{n_stocks} {what} {condition}, a panel needs at least 2; {way_out}.")


def check_both_sides(rows: pd.DataFrame, test_from: date) -> None:
    """Raise EmptySplit if all rows that could be drawn are on one side of the cut."""
    first_day, last_day, cut = rows["date"].min(), rows["date"].max(), pd.Timestamp(test_from)
    if last_day < cut:
        raise EmptySplit(
            f"no row on or after test_from={cut:%Y-%m-%d}; the panel ends on {last_day:%Y-%m-%d}. "
            "Move test_from back or extend the panel."
        )
    if first_day >= cut:
        raise EmptySplit(
            f"no row before test_from={cut:%Y-%m-%d}; the panel begins on {first_day:%Y-%m-%d}. "
            "Move test_from forward or extend the panel."
        )


def check_drawn_sides(drawn: pd.DataFrame, test_from: date) -> None:
    """Raise EmptySplit if all drawn rows are on one side of the cut."""
    n_test = int((drawn["date"] >= pd.Timestamp(test_from)).sum())
    if n_test in (0, len(drawn)):
        raise EmptySplit(
            f"{n_test} of {len(drawn)} drawn rows are on or after test_from={test_from:%Y-%m-%d}, both sides need "
            "some; raise panel.n_days or panel.dates_per_stock."
        )
