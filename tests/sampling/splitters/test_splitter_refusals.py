"""Panels that cannot be split give an error in one sentence with a way out."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from tasks.sampling.errors import BadLabels, BadSplitter, EmptySplit, TooFewDates, TooFewStocks
from tasks.sampling.splitters import (
    Chronological,
    CombinatorialPurged,
    DateDisjoint,
    StockAndDateDisjoint,
    StockDisjoint,
    WalkForward,
)
from tests.sampling.splitters.panels import balanced, pairs


def split(splitter, table):
    return list(splitter.split(np.zeros((len(table), 1)), groups=table))


@pytest.mark.parametrize("splitter", [StockDisjoint(4), StockAndDateDisjoint(4, 2)])
def test_fewer_stocks_than_folds_are_refused(splitter):
    with pytest.raises(TooFewStocks, match=r"3 distinct stocks for 4 stock-disjoint folds; raise panel.n_stocks"):
        split(splitter, balanced(3, 10))


def test_fewer_currencies_than_folds_are_refused():
    with pytest.raises(TooFewStocks, match="3 distinct currencies for 4 currency-disjoint folds; add pairs"):
        split(StockDisjoint(4), pairs(["EUR", "JPY", "USD"], 4))


def test_three_currencies_in_two_folds_leave_no_pair_to_fit_on_and_are_refused():
    # EUR and USD in the first fold, JPY in the second: a pair without EUR and USD there is none.
    with pytest.raises(
        EmptySplit, match=r"split 1 of StockDisjoint\(n_folds=2\) has 0 rows to fit on \(0 purged\) and 4"
    ):
        split(StockDisjoint(2), pairs(["EUR", "JPY", "USD"], 4))


@pytest.mark.parametrize("splitter", [DateDisjoint(7), StockAndDateDisjoint(2, 7), WalkForward(6)], ids=repr)
def test_fewer_days_than_blocks_are_refused(splitter):
    with pytest.raises(TooFewDates, match="6 distinct days for 7 blocks of days; ask for fewer or raise"):
        split(splitter, balanced(4, 6))


def test_combinatorial_blocks_of_one_day_are_refused():
    with pytest.raises(TooFewDates, match="11 distinct days for 6 blocks of at least two days; lower n_blocks"):
        split(CombinatorialPurged(6, 2), balanced(4, 11))


@pytest.mark.parametrize(
    ("splitter", "found"),
    [
        (Chronological(date(2020, 10, 1)), r"0 rows to fit on \(0 purged\) and 48 to score"),
        (Chronological(date(2021, 10, 1)), r"48 rows to fit on \(0 purged\) and 0 to score"),
        (Chronological(date(2020, 11, 3)), r"0 rows to fit on \(8 purged\) and 40 to score"),
        (WalkForward(5), r"0 rows to fit on \(8 purged\) and 8 to score"),
        (WalkForward(2, purge=False, embargo_dates=99), r"0 rows to fit on \(16 purged\) and 16 to score"),
        (DateDisjoint(2, embargo_days=30), r"0 rows to fit on \(24 purged\) and 24 to score"),
        (StockAndDateDisjoint(2, 2, embargo_days=30), r"0 rows to fit on \(12 purged\) and 12 to score"),
        (CombinatorialPurged(6, 4), r"0 rows to fit on \(16 purged\) and 32 to score"),
    ],
    ids=repr,
)
def test_a_side_that_comes_out_empty_is_refused_with_what_was_purged(splitter, found):
    with pytest.raises(EmptySplit, match=found + ", each side needs one; take fewer folds or blocks"):
        split(splitter, balanced(4, 12))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda t: t.drop(columns=["label_from", "date"]), "labels lack date, label_from, they need code, date, label"),
        (
            lambda t: t.assign(leg_1="EUR"),
            "labels lack leg_2, they need code, .*leg_1, leg_2; take them from the panel",
        ),
        (lambda t: t.assign(label_until=t["label_until"].where(t.index > 1)), "label_until is missing in 2 of 40"),
        (lambda t: t.assign(code=t["code"].where(t.index != 3)), "code is missing in 1 of 40 labels, none may be"),
        (lambda t: t.assign(date=t["date"].astype(str)), "in date, they need datetime64; read it with to_datetime"),
        (
            lambda t: t.assign(label_from=t["date"], label_until=t["date"] - pd.Timedelta(days=t.index[1])),
            r"before its row's date in 40 of 40 labels, first in row 0 \(2020-11-01 before 2020-11-02\), none may",
        ),
        (lambda t: t.assign(label_from=t["label_until"] + pd.Timedelta(days=1)), "before label_from in 40 of 40"),
        (lambda t: t.iloc[:0], "groups is an empty table; pass the panel's labels"),
        (lambda t: None, "groups is of type NoneType; pass the panel's labels, a table with date, label_from"),
        (lambda t: t["code"].to_numpy(), "groups is of type ndarray; pass the panel's labels"),
    ],
)
def test_incomplete_labels_are_refused(break_it, message):
    with pytest.raises(BadLabels, match=message):
        list(DateDisjoint(3).purged_splits(break_it(balanced(4, 10))))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StockDisjoint(1), "n_folds of StockDisjoint is 1, it must be at least 2; raise it"),
        (lambda: DateDisjoint(1), "n_blocks of DateDisjoint is 1, it must be at least 2"),
        (lambda: StockAndDateDisjoint(2, 1), "n_blocks of StockAndDateDisjoint is 1, it must be at least 2"),
        (lambda: WalkForward(0), "n_folds of WalkForward is 0, it must be at least 1"),
        (
            lambda: Chronological(date(2020, 1, 1), embargo_days=-1),
            "embargo_days of Chronological is -1, it must be at",
        ),
        (lambda: CombinatorialPurged(3, 1), "n_test_blocks of CombinatorialPurged is 1, it must be at least 2"),
        (lambda: CombinatorialPurged(3, 3), "n_test_blocks of CombinatorialPurged is 3, it must be below n_blocks=3"),
    ],
)
def test_a_splitter_of_impossible_numbers_is_refused(make, message):
    with pytest.raises(BadSplitter, match=message):
        make()
