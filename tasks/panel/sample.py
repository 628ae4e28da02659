"""Which stocks and which of their days make the panel."""

from datetime import date

import numpy as np
import pandas as pd

from tasks.panel.errors import EmptySplit, TooFewStocks

Codes = list[str] | list[int]


def longest_histories(rows: pd.DataFrame, n_stocks: int) -> Codes:
    """The stocks with most rows, ties by ascending code.

    Args:
        rows: One per stock and day, by code and date; only these rows are asked.
        n_stocks: Stocks to keep at most.

    Returns:
        Codes in ascending order.

    Raises:
        TooFewStocks: If fewer than two stocks have a row.
    """
    # A stable sort keeps groupby's ascending codes within a tie, whatever pandas' value_counts does with it.
    n_rows = rows.groupby("code").size().sort_values(ascending=False, kind="stable")
    refuse_few_stocks(len(n_rows), "have a row with a target and all features")
    return sorted(n_rows.index[:n_stocks].tolist())


def refuse_few_stocks(n_stocks: int, which: str) -> None:
    """Refuse a panel of fewer than two stocks.

    Raises:
        TooFewStocks: If there are fewer than two that do what `which` says.
    """
    if n_stocks < 2:
        raise TooFewStocks(
            f"{n_stocks} stock(s) {which}, a panel needs at least 2; a stock needs 31 days with a close and a target."
        )


def draw_days(rows: pd.DataFrame, codes: Codes, dates_per_stock: int, seed: int) -> pd.DataFrame:
    """Draw days without replacement, stock by stock in code order, from one generator.

    Args:
        rows: One per stock and day, by code and date.
        codes: Stocks to draw from, ascending.
        dates_per_stock: Days per stock; a stock with no more than that keeps all, in day order, and costs no draw;
            one without rows keeps none.
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


def refuse_one_side(rows: pd.DataFrame, test_from: date) -> None:
    """Refuse rows that lie on one side of the cut only.

    Args:
        rows: All rows that could be drawn; at least one.
        test_from: First day of the test side.

    Raises:
        EmptySplit: If either side is empty.
    """
    first_day, last_day, cut = rows["date"].min(), rows["date"].max(), pd.Timestamp(test_from)
    if last_day < cut:
        raise EmptySplit(
            f"no row on or after test_from={cut:%Y-%m-%d}; the panel ends on {last_day:%Y-%m-%d}. "
            "Move test_from back or extend the panel."
        )
    if first_day >= cut:
        raise EmptySplit(
            f"no row before test_from={cut:%Y-%m-%d}; the panel begins on {first_day:%Y-%m-%d}. "
            "Move test_from on or extend the panel."
        )


def refuse_one_sided_draw(drawn: pd.DataFrame, test_from: date) -> None:
    """Refuse a draw that missed a side of the cut.

    Args:
        drawn: The rows drawn.
        test_from: First day of the test side.

    Raises:
        EmptySplit: If either side is empty.
    """
    n_test = int((drawn["date"] >= pd.Timestamp(test_from)).sum())
    if n_test in (0, len(drawn)):
        raise EmptySplit(
            f"{n_test} of {len(drawn)} drawn rows lie on or after test_from={test_from:%Y-%m-%d}, both sides need "
            "some; raise dates_per_stock."
        )
