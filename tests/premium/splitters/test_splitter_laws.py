"""What holds of every split, counted row by row without the package's own code."""

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
from tasks.premium.splitters import (
    Chronological,
    CombinatorialPurged,
    DateDisjoint,
    StockAndDateDisjoint,
    StockDisjoint,
    WalkForward,
    audit,
)
from tests.premium.splitters.counting import parts_or_reject, rows_that_saw_the_test, spans_day_by_day
from tests.premium.splitters.panels import labels_tables, pairs

# Rows are counted one at a time, which takes as long as it takes.
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
    parts = parts_or_reject(splitter, table)
    assert [rows_that_saw_the_test(table, part.train, part.test) for part in parts] == [0] * len(parts)
    assert audit(splitter, table).n_violations == 0


@pytest.mark.parametrize("splitter", UNPURGED, ids=repr)
@few
@given(table=labels_tables())
def test_the_audit_counts_the_violations_of_splits_that_do_not_purge(splitter, table):
    parts = parts_or_reject(splitter, table)
    expected = sum(rows_that_saw_the_test(table, part.train, part.test) for part in parts)
    assert audit(splitter, table).n_violations == expected


@pytest.mark.parametrize("splitter", [*PURGED, *UNPURGED], ids=repr)
@few
@given(table=labels_tables())
def test_a_row_is_on_one_side_at_most_and_every_row_is_accounted_for(splitter, table):
    parts = parts_or_reject(splitter, table)
    for part in parts:
        sides = np.concatenate([part.train, part.test, part.purged])
        assert len(sides) == len(set(sides.tolist()))
    facts = audit(splitter, table)
    n_rows = facts.n_train_rows + facts.n_test_rows + facts.n_purged + facts.n_left_out
    assert (facts.n_splits, n_rows) == (len(parts), len(parts) * len(table))
    assert len(parts) == splitter.get_n_splits()


@pytest.mark.parametrize("splitter", [*PURGED, *UNPURGED], ids=repr)
@few
@given(table=labels_tables(), seed=st.integers(0, 2**32 - 1))
def test_splits_do_not_depend_on_the_order_of_rows(splitter, table, seed):
    shuffled = table.sample(frac=1, random_state=seed)

    def named(own: pd.DataFrame) -> list[set]:
        return [set(own.index[part.train]) for part in parts_or_reject(splitter, own)]

    assert named(table) == named(shuffled)


ONCE = [StockDisjoint(3), DateDisjoint(4), StockAndDateDisjoint(2, 3)]


@pytest.mark.parametrize("splitter", ONCE, ids=repr)
@few
@given(table=labels_tables())
def test_each_row_is_tested_once(splitter, table):
    tested = np.concatenate([part.test for part in parts_or_reject(splitter, table)])
    assert sorted(tested.tolist()) == list(range(len(table)))


@few
@given(table=labels_tables())
def test_every_choice_of_blocks_is_tested(table):
    parts = parts_or_reject(CombinatorialPurged(5, 2), table)
    times = Counter(np.concatenate([part.test for part in parts]).tolist())
    assert set(times.values()) == {comb(4, 1)}
    days = np.unique(table["date"])
    blocks = [set(days[len(days) // 5 * block :][: len(days) // 5 if block < 4 else None]) for block in range(5)]
    expected = [blocks[one] | blocks[other] for one, other in combinations(range(5), 2)]
    assert [set(table["date"].iloc[part.test].to_numpy()) for part in parts] == expected


@pytest.mark.parametrize("splitter", [StockDisjoint(3), StockAndDateDisjoint(3, 2)], ids=repr)
@few
@given(table=labels_tables())
def test_no_stock_is_on_both_sides(splitter, table):
    stocks = table["code"].to_numpy()
    assert all(not set(stocks[part.train]) & set(stocks[part.test]) for part in parts_or_reject(splitter, table))


@pytest.mark.parametrize("splitter", [own for own in PURGED if own.embargo_days], ids=repr)
@few
@given(table=labels_tables())
def test_no_training_day_falls_within_the_embargo(splitter, table):
    dates = table["date"]
    for part in parts_or_reject(splitter, table):
        near = {
            day + timedelta(days=shift)
            for day in spans_day_by_day(table, part.test)
            for shift in range(-splitter.embargo_days, splitter.embargo_days + 1)
        }
        assert not near & set(dates.iloc[part.train])


@few
@given(table=labels_tables())
def test_one_fold_of_stocks_in_all_blocks_of_days_tests_the_rows_of_the_stock_disjoint_fold(table):
    both = parts_or_reject(StockAndDateDisjoint(2, 3), table)
    for fold, part in enumerate(StockDisjoint(2).parts(table)):
        pooled = np.concatenate([own.test for own in both[3 * fold : 3 * fold + 3]])
        assert sorted(pooled.tolist()) == part.test.tolist()


@few
@given(table=labels_tables())
def test_walking_forward_never_fits_on_a_day_that_is_not_past_and_never_forgets(table):
    dates, known = table["date"].to_numpy(), set()
    for part in parts_or_reject(WalkForward(3), table):
        assert dates[part.train].max() < dates[part.test].min()
        assert known <= set(part.train.tolist())
        known = set(part.train.tolist())


def test_currencies_are_dealt_largest_first_and_a_fold_tests_pairs_within_it():
    # All four have as many rows, so they go by name: AUD and EUR to the first fold, CAD and USD to the second.
    table = pairs(["AUD", "CAD", "EUR", "USD"], 3)
    tested = [set(table["code"].iloc[part.test]) for part in StockDisjoint(2).parts(table)]
    trained = [set(table["code"].iloc[part.train]) for part in StockDisjoint(2).parts(table)]
    assert tested == trained[::-1] == [{"AUD/EUR"}, {"CAD/USD"}]
    # Four pairs lie across, on three days, in both folds.
    assert audit(StockDisjoint(2), table).n_left_out == 4 * 3 * 2


@pytest.mark.parametrize(("n_folds", "tested"), [(2, [10, 10]), (3, [3, 6, 3]), (5, [1, 1, 1, 1, 1])])
def test_folds_of_the_51_pairs_hold_as_many_as_decision_0005_counts(n_folds, tested):
    day = pd.Timestamp("2020-11-02")
    rows = [(f"{one}{other}", one, other, day, day, day) for one, other in PAIRS]
    table = pd.DataFrame(rows, columns=["code", "leg_1", "leg_2", "date", "label_from", "label_until"])
    assert [len(part.test) for part in StockDisjoint(n_folds).parts(table)] == tested


@pytest.mark.parametrize("splitter", [StockDisjoint(3), StockAndDateDisjoint(3, 2)], ids=repr)
@few
@given(keep=st.sets(st.integers(0, 167), min_size=120))
def test_a_test_pair_shares_no_currency_with_a_train_pair(splitter, keep):
    table = pairs(list("ABCDEFGH"), 6).iloc[sorted(keep)]
    legs = table[["leg_1", "leg_2"]].to_numpy()
    parts = parts_or_reject(splitter, table)
    assert all(not set(legs[part.train].ravel()) & set(legs[part.test].ravel()) for part in parts)
