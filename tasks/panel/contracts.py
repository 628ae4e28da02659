"""From all prices to the rows that days are drawn from, under either contract, with every dropped row counted."""

import pandas as pd

from tasks.panel.config import PanelConfig
from tasks.panel.features import add_features, is_complete, split_so_far
from tasks.panel.funnel import Funnel
from tasks.panel.sample import Codes, longest_histories, refuse_few_stocks, refuse_one_side
from tasks.panel.sources.reader import closes_are_adjusted


def rows_of_contract(prices: pd.DataFrame, config: PanelConfig) -> tuple[Funnel, pd.DataFrame, Codes]:
    """Add features, drop rows, choose stocks.

    Args:
        prices: The source's table with label days, by code and date.
        config: Contract, stocks and cut.

    Returns:
        The rows of the chosen stocks in a funnel that has counted the others; the rows that the choice was among; the
        chosen codes, ascending.

    Raises:
        TooFewStocks: If fewer than two stocks can be chosen.
        EmptySplit: If the rows lie on one side of the cut only.
    """
    funnel = Funnel(prices)
    choose = seed if config.contract == "seed" else point_in_time
    candidates, codes = choose(funnel, config)
    funnel.keep(candidates["code"].isin(codes), "n_rows_of_kept_stocks", "stock_not_kept")
    refuse_one_side(funnel.rows, config.test_from)
    return funnel, candidates, codes


def seed(funnel: Funnel, config: PanelConfig) -> tuple[pd.DataFrame, Codes]:
    """The reference's way: windows count rows with a target, stocks are chosen by the whole span.

    Returns:
        Complete rows and the codes chosen among them.
    """
    funnel.keep(funnel.rows["target"].notna(), "n_rows_with_target", "no_target")
    funnel.rows = add_features(funnel.rows, "seed")
    funnel.keep(is_complete(funnel.rows), "n_rows_with_features", "missing_feature")
    return funnel.rows, longest_histories(funnel.rows, config.n_stocks)


def point_in_time(funnel: Funnel, config: PanelConfig) -> tuple[pd.DataFrame, Codes]:
    """What could have been done before the cut: windows count priced rows, stocks are chosen by rows before it.

    Whether a row before the cut has a target is not asked when stocks are chosen, for its last two days' targets lie
    after it.

    Returns:
        Complete rows with a target and the codes chosen.
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
    refuse_few_stocks(funnel.rows["code"].nunique(), "have a row with a target and all features")
    refuse_one_side(funnel.rows, config.test_from)
    refuse_few_stocks(before["code"].nunique(), f"have a row with all features before test_from={config.test_from}")
    return funnel.rows, longest_histories(before, config.n_stocks)
