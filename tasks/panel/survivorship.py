"""How far the choice of stocks looked ahead."""

from datetime import date

import pandas as pd
from pydantic import JsonValue

from tasks.panel.sample import Codes, longest_histories


def survivorship(
    prices: pd.DataFrame, candidates: pd.DataFrame, codes: Codes, n_stocks: int, test_from: date
) -> dict[str, JsonValue]:
    """Count which of the chosen stocks lived on, and which another choice would have taken.

    Args:
        prices: All rows of the source, by code and date; those with a close count.
        candidates: Rows with features and target, of all stocks.
        codes: The stocks chosen.
        n_stocks: Stocks to choose at most.
        test_from: First day of the test side.

    Returns:
        Stocks that had a close before the cut; of the chosen ones, those without a close on or after it, those whose
        last close lies before the source's last day, those without a row to draw, and those that a choice by whole
        histories would have taken too.
    """
    span = prices[prices["close"].notna()].groupby("code")["date"].agg(["min", "max"])
    last = span.loc[codes, "max"]
    cut = pd.Timestamp(test_from)
    return {
        "n_stocks_before_cut": int((span["min"] < cut).sum()),
        "n_chosen_without_test_close": int((last < cut).sum()),
        "n_chosen_ended_early": int((last < prices["date"].max()).sum()),
        "n_chosen_without_row": len(set(codes) - set(candidates["code"].unique())),
        "n_chosen_by_whole_span_too": len(set(codes) & set(longest_histories(candidates, n_stocks))),
    }
