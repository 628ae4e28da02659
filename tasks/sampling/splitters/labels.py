"""Each row's stock, its day and the days its target uses; and which rows a test span purges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.sampling.arrays import BoolArray, IntArray
from tasks.sampling.errors import BadLabels, TooFewDates
from tasks.schemas.artifacts import Panel

DayArray = NDArray[np.datetime64]
DAYS = ("date", "label_from", "label_until")


@dataclass(frozen=True)
class Labels:
    """Labels as arrays, one entry per row.

    Args:
        stocks: (n_rows,) stocks numbered in the order of their codes.
        dates: (n_rows,) day on which the row is known.
        label_from: (n_rows,) day of the first price the target uses.
        label_until: (n_rows,) day of the last one.
        legs: (n_rows, 2) currencies numbered in the order of their names, where a code is a pair.
    """

    stocks: IntArray
    dates: DayArray
    label_from: DayArray
    label_until: DayArray
    legs: IntArray | None = None


def read_labels(table: object) -> Labels:
    """Check a table of labels and convert it to arrays.

    Args:
        table: Columns code, date, label_from, label_until and, for pairs of currencies, leg_1 and leg_2.

    Raises:
        BadLabels: If a column or a value is missing, a day is not a day, or a target ends before its row's day.
    """
    if not isinstance(table, pd.DataFrame) or table.empty:
        got = "an empty table" if isinstance(table, pd.DataFrame) else f"of type {type(table).__name__}"
        raise BadLabels(f"groups is {got}; pass the panel's labels, a table with {', '.join(DAYS)} and code.")
    is_pairs = any(name in table for name in Panel.LEGS)
    check_columns(table, ["code", *DAYS, *(Panel.LEGS if is_pairs else ())])
    dates, label_from, label_until = (table[name].to_numpy("datetime64[D]") for name in DAYS)
    _check_order("its row's date", dates, label_until)
    _check_order("label_from", label_from, label_until)
    return Labels(
        stocks=number_names(table["code"]),
        dates=dates,
        label_from=label_from,
        label_until=label_until,
        legs=number_names(table[[*Panel.LEGS]]) if is_pairs else None,
    )


def number_names(names: pd.Series | pd.DataFrame) -> IntArray:
    """Number distinct names from 0 in their order; the result has the shape of `names`."""
    return np.unique(names.to_numpy(), return_inverse=True)[1].reshape(names.shape)


def number_blocks(dates: DayArray, n_blocks: int, what: str = "blocks of days") -> IntArray:
    """Number contiguous blocks of about equally many distinct days.

    Returns:
        (n_rows,) block of each row, from the earliest on; `numpy.array_split` of the distinct days.

    Raises:
        TooFewDates: If there are fewer distinct days than blocks; `what` names them.
    """
    days, day_of_row = np.unique(dates, return_inverse=True)
    if len(days) < n_blocks:
        raise TooFewDates(
            f"{len(days)} distinct days for {n_blocks} {what}; ask for fewer or raise panel.dates_per_stock."
        )
    sizes = [len(block) for block in np.array_split(days, n_blocks)]
    block_of_row: IntArray = np.repeat(np.arange(n_blocks), sizes)[day_of_row]
    return block_of_row


@dataclass(frozen=True)
class Span:
    """The days a block of test rows uses, ends included: from its first day to its last label's last price."""

    first: np.datetime64
    last: np.datetime64


def span_of(labels: Labels, in_test: BoolArray) -> Span:
    """The span of one contiguous block of test rows, given as a (n_rows,) mask with at least one row."""
    return Span(labels.dates[in_test].min(), labels.label_until[in_test].max())


def purged_by(labels: Labels, span: Span, embargo_days: int, by_label: bool = True) -> BoolArray:
    """(n_rows,) mask of rows that may not be fitted on when the rows of a span are tested.

    A row is purged if its own day is in the span or within `embargo_days` calendar days of it; with `by_label`, also
    if any day from label_from to label_until is in the span.
    Source: Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.4.1.
    """
    embargo = np.timedelta64(embargo_days, "D")
    in_span = (labels.dates >= span.first - embargo) & (labels.dates <= span.last + embargo)
    overlaps = (labels.label_from <= span.last) & (labels.label_until >= span.first)
    return in_span | overlaps if by_label else in_span


def purged_around(labels: Labels, in_test: BoolArray, embargo_days: int) -> BoolArray:
    """`purged_by` the span of one contiguous block of test rows."""
    return purged_by(labels, span_of(labels, in_test), embargo_days)


def check_columns(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise BadLabels if a column or a value in one is missing, or a day is not a datetime64."""
    if absent := [name for name in columns if name not in table]:
        raise BadLabels(f"labels lack {', '.join(absent)}, they need {', '.join(columns)}; take them from the panel.")
    for name in set(DAYS).intersection(columns):
        if not pd.api.types.is_datetime64_dtype(table[name]):
            raise BadLabels(
                f"labels hold {table[name].dtype} in {name}, they need datetime64; read it with to_datetime."
            )
    for name in columns:
        if n_missing := int(table[name].isna().sum()):
            raise BadLabels(f"{name} is missing in {n_missing} of {len(table)} labels, none may be; drop those rows.")


def _check_order(what: str, early: DayArray, label_until: DayArray) -> None:
    if len(wrong := np.flatnonzero(label_until < early)):
        raise BadLabels(
            f"label_until is before {what} in {len(wrong)} of {len(early)} labels, first in row {wrong[0]} "
            f"({label_until[wrong[0]]} before {early[wrong[0]]}), none may; take the days from the panel's own prices."
        )
