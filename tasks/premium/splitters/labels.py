"""What a splitter knows of each row: its stock, its day and the days its target uses."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.premium.errors import BadLabels, TooFewDates
from tasks.premium.rows import BoolArray, IntArray
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


def number_blocks(dates: DayArray, n_blocks: int, what: str = "blocks of days") -> IntArray:
    """Number contiguous blocks of about equally many distinct days.

    Args:
        dates: (n_rows,) day of each row.
        n_blocks: Blocks to make.
        what: Their name in a refusal.

    Returns:
        (n_rows,) block of each row, from the earliest on, as `numpy.array_split` parts the distinct days.

    Raises:
        TooFewDates: If there are fewer distinct days than blocks.
    """
    days, day_of_row = np.unique(dates, return_inverse=True)
    if len(days) < n_blocks:
        raise TooFewDates(
            f"{len(days)} distinct days for {n_blocks} {what}; ask for fewer or raise panel.dates_per_stock."
        )
    sizes = [len(block) for block in np.array_split(days, n_blocks)]
    block_of_row: IntArray = np.repeat(np.arange(n_blocks), sizes)[day_of_row]
    return block_of_row


def read_labels(table: object) -> Labels:
    """Check a table of labels and take it apart.

    Args:
        table: Columns code, date, label_from, label_until and, for pairs of currencies, leg_1 and leg_2.

    Raises:
        BadLabels: If a column or a value is missing, a day is no day, or a target ends before its row's day.
    """
    if not isinstance(table, pd.DataFrame) or table.empty:
        raise BadLabels(f"groups is {_said(table)}; pass the panel's labels, a table with {', '.join(DAYS)} and code.")
    named = [name for name in Panel.LEGS if name in table]
    columns = ["code", *DAYS, *(Panel.LEGS if named else ())]
    _refuse_missing(table, columns)
    dates, label_from, label_until = (table[name].to_numpy("datetime64[D]") for name in DAYS)
    _refuse_disorder(dates, label_from, label_until)
    legs = table[[*Panel.LEGS]].to_numpy() if named else None
    return Labels(
        stocks=_numbered(table["code"].to_numpy()),
        dates=dates,
        label_from=label_from,
        label_until=label_until,
        legs=None if legs is None else _numbered(legs),
    )


def _numbered(names: np.ndarray) -> IntArray:
    return np.unique(names, return_inverse=True)[1].reshape(names.shape)


def _said(table: object) -> str:
    return "an empty table" if isinstance(table, pd.DataFrame) else f"of type {type(table).__name__}"


def _refuse_missing(table: pd.DataFrame, columns: list[str]) -> None:
    if absent := [name for name in columns if name not in table]:
        raise BadLabels(f"labels lack {', '.join(absent)}, they need {', '.join(columns)}; take them from the panel.")
    for name in DAYS:
        if not pd.api.types.is_datetime64_dtype(table[name]):
            raise BadLabels(
                f"labels hold {table[name].dtype} in {name}, they need datetime64; read it with to_datetime."
            )
    for name in columns:
        if n_missing := int(table[name].isna().sum()):
            raise BadLabels(f"{name} is missing in {n_missing} of {len(table)} labels, none may be; drop those rows.")


def _refuse_disorder(dates: DayArray, label_from: DayArray, label_until: DayArray) -> None:
    for what, early, late in (("its row's date", dates, label_until), ("label_from", label_from, label_until)):
        if len(wrong := np.flatnonzero(late < early)):
            raise BadLabels(
                f"label_until lies before {what} in {len(wrong)} of {len(dates)} labels, first in row {wrong[0]} "
                f"({late[wrong[0]]} before {early[wrong[0]]}), none may; take the days from the panel's own prices."
            )


@dataclass(frozen=True)
class Span:
    """The days a block of test rows uses, both ends included: from its first day to its last label's last price."""

    first: np.datetime64
    last: np.datetime64


def span_of(labels: Labels, in_test: BoolArray) -> Span:
    """The span of one contiguous block of test rows.

    Args:
        labels: All rows.
        in_test: (n_rows,) the block's rows, at least one.
    """
    return Span(labels.dates[in_test].min(), labels.label_until[in_test].max())


def label_touches(labels: Labels, span: Span) -> BoolArray:
    """(n_rows,) whether any day from label_from to label_until lies in the span.

    Source: Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.4.1.
    """
    return (labels.label_from <= span.last) & (labels.label_until >= span.first)


def day_touches(labels: Labels, span: Span, embargo_days: int) -> BoolArray:
    """(n_rows,) whether the row's own day lies in the span or within `embargo_days` calendar days of it."""
    embargo = np.timedelta64(embargo_days, "D")
    return (labels.dates >= span.first - embargo) & (labels.dates <= span.last + embargo)


def touches(labels: Labels, span: Span, embargo_days: int) -> BoolArray:
    """(n_rows,) whether a row's label or its own day, with embargo, lies in the span: not to be fitted on."""
    return label_touches(labels, span) | day_touches(labels, span, embargo_days)
