"""Laws of every split, counted row by row without the package's own code."""

from collections import Counter
from datetime import date, timedelta
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.panel.sources.currencies import PAIRS
from tasks.sampling.splitters import (
    Chronological,
    CombinatorialPurged,
    DateDisjoint,
    StockAndDateDisjoint,
    StockDisjoint,
    WalkForward,
    audit,
)
from tests.sampling.splitters.counting import rows_that_saw_the_test, spans_day_by_day, splits_or_reject
from tests.sampling.splitters.panels import labels_tables, pairs

# Rows are counted one at a time, so no deadline.
few = settings(max_examples=15, deadline=None)

CUT = date(2020, 12, 1)
PURGED = [
    Chronological(CUT),
    Chronological(CUT, embargo_days=4),
    WalkForward(3),
    WalkForward(2, embargo_days=2, embargo_dates=1),
    DateDisjoint(4),
    DateDisjoint(3, embargo_days=3),
    StockAndDateDisjoint(2, 3),
    StockAndDateDisjoint(3, 2, embargo_days=2),
    CombinatorialPurged(5, 2),
    CombinatorialPurged(4, 2, embargo_days=1),
]
UNPURGED = [StockDisjoint(4), Chronological(CUT, purge=False), WalkForward(3, purge=False)]


@pytest.mark.parametrize("splitter", PURGED, ids=repr)
@few
@given(table=labels_tables())
def test_no_train_label_uses_a_price_of_the_test_span(splitter, table):
    splits = splits_or_reject(splitter, table)
    assert [rows_that_saw_the_test(table, split.train, split.test) for split in splits] == [0] * len(splits)
    assert audit(splitter, table).n_violations == 0


@pytest.mark.parametrize("splitter", UNPURGED, ids=repr)
@few
@given(table=labels_tables())
def test_the_audit_counts_the_violations_of_splits_that_do_not_purge(splitter, table):
    splits = splits_or_reject(splitter, table)
    expected = sum(rows_that_saw_the_test(table, split.train, split.test) for split in splits)
    assert audit(splitter, table).n_violations == expected


@pytest.mark.parametrize("splitter", [*PURGED, *UNPURGED], ids=repr)
@few
@given(table=labels_tables())
def test_a_row_is_on_one_side_at_most_and_every_row_is_accounted_for(splitter, table):
    splits = splits_or_reject(splitter, table)
    for split in splits:
        sides = np.concatenate([split.train, split.test, split.purged])
        assert len(sides) == len(set(sides.tolist()))
    facts = audit(splitter, table)
    n_rows = facts.n_train_rows + facts.n_test_rows + facts.n_purged + facts.n_left_out
    assert (facts.n_splits, n_rows) == (len(splits), len(splits) * len(table))
    assert len(splits) == splitter.get_n_splits()


@pytest.mark.parametrize("splitter", [*PURGED, *UNPURGED], ids=repr)
@few
@given(table=labels_tables(), seed=st.integers(0, 2**32 - 1))
def test_splits_do_not_depend_on_the_order_of_rows(splitter, table, seed):
    shuffled = table.sample(frac=1, random_state=seed)

    def named(own: pd.DataFrame) -> list[set]:
        return [set(own.index[split.train]) for split in splits_or_reject(splitter, own)]

    assert named(table) == named(shuffled)


ONCE = [StockDisjoint(3), DateDisjoint(4), StockAndDateDisjoint(2, 3)]


@pytest.mark.parametrize("splitter", ONCE, ids=repr)
@few
@given(table=labels_tables())
def test_each_row_is_tested_once(splitter, table):
    tested = np.concatenate([split.test for split in splits_or_reject(splitter, table)])
    assert sorted(tested.tolist()) == list(range(len(table)))


@few
@given(table=labels_tables())
def test_every_choice_of_blocks_is_tested(table):
    splits = splits_or_reject(CombinatorialPurged(5, 2), table)
    times = Counter(np.concatenate([split.test for split in splits]).tolist())
    assert set(times.values()) == {comb(4, 1)}
    days = np.unique(table["date"])
    blocks = [set(days[len(days) // 5 * block :][: len(days) // 5 if block < 4 else None]) for block in range(5)]
    expected = [blocks[one] | blocks[other] for one, other in combinations(range(5), 2)]
    assert [set(table["date"].iloc[split.test].to_numpy()) for split in splits] == expected


@pytest.mark.parametrize("splitter", [StockDisjoint(3), StockAndDateDisjoint(3, 2)], ids=repr)
@few
@given(table=labels_tables())
def test_no_stock_is_on_both_sides(splitter, table):
    stocks = table["code"].to_numpy()
    assert all(not set(stocks[split.train]) & set(stocks[split.test]) for split in splits_or_reject(splitter, table))


@pytest.mark.parametrize("splitter", [own for own in PURGED if own.embargo_days], ids=repr)
@few
@given(table=labels_tables())
def test_no_training_day_falls_within_the_embargo(splitter, table):
    dates = table["date"]
    for split in splits_or_reject(splitter, table):
        near = {
            day + timedelta(days=shift)
            for day in spans_day_by_day(table, split.test)
            for shift in range(-splitter.embargo_days, splitter.embargo_days + 1)
        }
        assert not near & set(dates.iloc[split.train])


@few
@given(table=labels_tables())
def test_one_fold_of_stocks_in_all_blocks_of_days_tests_the_rows_of_the_stock_disjoint_fold(table):
    both = splits_or_reject(StockAndDateDisjoint(2, 3), table)
    for fold, split in enumerate(StockDisjoint(2).purged_splits(table)):
        pooled = np.concatenate([own.test for own in both[3 * fold : 3 * fold + 3]])
        assert sorted(pooled.tolist()) == split.test.tolist()


@few
@given(table=labels_tables())
def test_walking_forward_never_fits_on_a_day_that_is_not_past_and_never_forgets(table):
    dates, known = table["date"].to_numpy(), set()
    for split in splits_or_reject(WalkForward(3), table):
        assert dates[split.train].max() < dates[split.test].min()
        assert known <= set(split.train.tolist())
        known = set(split.train.tolist())


def test_currencies_are_assigned_largest_first_and_a_fold_tests_pairs_within_it():
    # All four have as many rows, so they go by name: AUD and EUR to the first fold, CAD and USD to the second.
    table = pairs(["AUD", "CAD", "EUR", "USD"], 3)
    tested = [set(table["code"].iloc[split.test]) for split in StockDisjoint(2).purged_splits(table)]
    trained = [set(table["code"].iloc[split.train]) for split in StockDisjoint(2).purged_splits(table)]
    assert tested == trained[::-1] == [{"AUD/EUR"}, {"CAD/USD"}]
    # Four pairs have a leg in each fold, on three days, in both folds.
    assert audit(StockDisjoint(2), table).n_left_out == 4 * 3 * 2


@pytest.mark.parametrize(("n_folds", "tested"), [(2, [10, 10]), (3, [3, 6, 3]), (5, [1, 1, 1, 1, 1])])
def test_folds_of_the_51_pairs_hold_as_many_as_decision_0005_counts(n_folds, tested):
    day = pd.Timestamp("2020-11-02")
    rows = [(f"{one}{other}", one, other, day, day, day) for one, other in PAIRS]
    table = pd.DataFrame(rows, columns=["code", "leg_1", "leg_2", "date", "label_from", "label_until"])
    assert [len(split.test) for split in StockDisjoint(n_folds).purged_splits(table)] == tested


@pytest.mark.parametrize("splitter", [StockDisjoint(3), StockAndDateDisjoint(3, 2)], ids=repr)
@few
@given(keep=st.sets(st.integers(0, 167), min_size=120))
def test_a_test_pair_shares_no_currency_with_a_train_pair(splitter, keep):
    table = pairs(list("ABCDEFGH"), 6).iloc[sorted(keep)]
    legs = table[["leg_1", "leg_2"]].to_numpy()
    splits = splits_or_reject(splitter, table)
    assert all(not set(legs[split.train].ravel()) & set(legs[split.test].ravel()) for split in splits)
