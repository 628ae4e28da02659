"""Spans and violations counted one day and one row at a time, without the package's own code."""

from datetime import timedelta

import numpy as np
import pandas as pd
from hypothesis import reject

from tasks.sampling.arrays import Split
from tasks.sampling.errors import EmptySplit
from tasks.sampling.splitters import LabelSplitter


def splits_or_reject(splitter: LabelSplitter, table: pd.DataFrame) -> list[Split]:
    try:
        return list(splitter.purged_splits(table))
    except EmptySplit:
        reject()


def spans_day_by_day(table: pd.DataFrame, test: np.ndarray) -> set[pd.Timestamp]:
    """Every day from a run of neighbouring test days' first to its last label's end, one day at a time."""
    tested = table.iloc[test]
    test_days, days, run = set(tested["date"]), set(), []
    for day in [*sorted(set(table["date"])), None]:
        if day in test_days:
            run.append(day)
        elif run:
            end = max(tested.loc[tested["date"].isin(run), "label_until"])
            days |= {run[0] + timedelta(days=n) for n in range((end - run[0]).days + 1)}
            run = []
    return days


def rows_that_saw_the_test(table: pd.DataFrame, train: np.ndarray, test: np.ndarray) -> int:
    span = spans_day_by_day(table, test)
    return sum(row.label_from in span or row.label_until in span for row in table.iloc[train].itertuples(index=False))
