"""From all prices to the rows that days are drawn from, under either contract. Every dropped row is counted."""

from collections.abc import Mapping

import pandas as pd
from pydantic import JsonValue

from tasks.panel.config import PanelConfig
from tasks.panel.features import add_features, is_complete, split_so_far
from tasks.panel.sample import Codes, check_both_sides, check_n_stocks, longest_histories
from tasks.panel.sources.reader import closes_are_adjusted


class Funnel:
    """The rows left, and how many each step kept and dropped.

    Args:
        rows: All rows of the source.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self._kept = {"n_rows_raw": len(rows)}
        self._dropped: dict[str, int] = {}

    def keep(self, is_kept: pd.Series, kept: str, reason: str) -> None:
        """Drop rows: fact `kept` counts the rows left afterwards, `reason` in fact `n_dropped` the others."""
        self.replace(self.rows if is_kept.all() else self.rows[is_kept], kept, reason)

    def replace(self, rows: pd.DataFrame, kept: str, reason: str) -> None:
        """Continue with some of the rows, in any order; counted as in `keep`."""
        self._kept[kept] = len(rows)
        self._dropped[reason] = len(self.rows) - len(rows)
        self.rows = rows

    @property
    def dropped(self) -> Mapping[str, int]:
        """Rows dropped so far, by reason."""
        return self._dropped

    def facts(self) -> dict[str, JsonValue]:
        """Counts of rows left after each step, in order, and of rows dropped, by reason."""
        return {**self._kept, "n_dropped": {**self._dropped}}


def rows_of_contract(prices: pd.DataFrame, config: PanelConfig) -> tuple[Funnel, pd.DataFrame, Codes]:
    """Add features, drop rows, choose stocks.

    Args:
        prices: The source's table with label days, by code and date.
        config: Contract, stocks and cut.

    Returns:
        The funnel with the rows of the chosen stocks; the rows of all candidate stocks; the chosen codes, ascending.

    Raises:
        TooFewStocks: If fewer than two stocks can be chosen.
        EmptySplit: If all rows are on one side of the cut.
    """
    funnel = Funnel(prices)
    choose = choose_as_reference if config.contract == "reference" else choose_point_in_time
    codes = choose(funnel, config)
    candidates = funnel.rows
    funnel.keep(candidates["code"].isin(codes), "n_rows_of_kept_stocks", "stock_not_kept")
    check_both_sides(funnel.rows, config.test_from)
    return funnel, candidates, codes


def choose_as_reference(funnel: Funnel, config: PanelConfig) -> Codes:
    """Keep complete rows; windows count rows with a target, stocks are chosen by their whole history."""
    funnel.keep(funnel.rows["target"].notna(), "n_rows_with_target", "no_target")
    funnel.rows = add_features(funnel.rows, "reference")
    funnel.keep(is_complete(funnel.rows), "n_rows_with_features", "missing_feature")
    check_n_stocks(funnel.rows["code"].nunique(), "have a row with a target and all features")
    return longest_histories(funnel.rows, config.n_stocks)


def choose_point_in_time(funnel: Funnel, config: PanelConfig) -> Codes:
    """Keep complete rows with a target; windows count priced rows, stocks are chosen by their rows before the cut.

    Rows before the cut count without regard to their target, because the targets of its last two days are after it.
    """
    if "adjustment" in funnel.rows.columns:
        funnel.rows = funnel.rows.assign(split_so_far=split_so_far(funnel.rows))
    funnel.keep(funnel.rows["close"].notna(), "n_rows_with_close", "no_close")
    funnel.keep(funnel.rows["close"] > 0, "n_rows_priced", "close_of_zero")
    funnel.rows = add_features(funnel.rows, "point_in_time")
    if closes_are_adjusted(config.source):
        funnel.rows = funnel.rows.drop(columns="log_close")
    funnel.keep(is_complete(funnel.rows), "n_rows_with_features", "missing_feature")
    before = funnel.rows[funnel.rows["date"] < pd.Timestamp(config.test_from)]
    funnel.keep(funnel.rows["target"].notna(), "n_rows_with_target", "no_target")
    check_n_stocks(funnel.rows["code"].nunique(), "have a row with a target and all features")
    check_both_sides(funnel.rows, config.test_from)
    check_n_stocks(before["code"].nunique(), f"have a row with all features before test_from={config.test_from}")
    return longest_histories(before, config.n_stocks)
