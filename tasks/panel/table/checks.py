"""What a table may not hold: each check names the first row that breaks it, and how many do."""

import numpy as np
import pandas as pd

from tasks.panel.errors import BadTable
from tasks.panel.sources.csv_file import canonical
from tasks.panel.table.config import TableColumns, TargetKind
from tasks.panel.table.read import RawTable


def check_spellings(table: RawTable, entity: pd.Series, column: str) -> None:
    """Raise BadTable if two entities are one written differently: its rows would count as two entities'."""
    first: dict[str, str] = {}
    for name in entity.dropna().unique():
        other = first.setdefault(canonical(name), name)
        if other != name:
            row, known = (int(np.argmax(entity == spelled)) for spelled in (name, other))
            raise BadTable(
                f"{table.place_of(row)} has {column} {name!r}, which is written {other!r} in {table.place_of(known)}; "
                "write each entity in one way."
            )


def check_label_days(table: RawTable, rows: pd.DataFrame, columns: TableColumns) -> None:
    """Raise BadTable if a label ends before it starts, or before its row's day."""
    ends = columns.label_until or columns.time
    starts = ((columns.label_from or columns.time, "label_from"), (columns.time, "date"))
    for column, name in starts:
        if (is_bad := rows["label_until"] < rows[name]).any():
            bad = rows[is_bad].iloc[0]
            raise BadTable(
                f"{table.place_of(bad['row'])} of {columns.entity} {bad['code']} has {ends} "
                f"{bad['label_until']:%Y-%m-%d}, before its {column} {bad[name]:%Y-%m-%d}, as "
                f"{int(is_bad.sum())} rows have: a label ends on or after its first day and its row's. Correct or "
                "remove them."
            )


def check_one_row_a_day(table: RawTable, rows: pd.DataFrame, columns: TableColumns) -> None:
    """Raise BadTable if an entity has two rows for one day; rows are in the order of entity and day."""
    if (is_repeat := rows.duplicated(["code", "date"])).any():
        first = rows[is_repeat].iloc[0]
        raise BadTable(
            f"{table.place_of(first['row'])} is another one of {columns.entity} {first['code']} for "
            f"{first['date']:%Y-%m-%d}, and {int(is_repeat.sum())} rows in all repeat an entity's day; keep one "
            "row per entity and day."
        )


def count_overlaps(table: RawTable, rows: pd.DataFrame, columns: TableColumns) -> int:
    """Rows whose label has a day in common with an earlier one of the same entity.

    Args:
        table: Names the rows.
        rows: Those with a target, in the order of entity and day.
        columns: Whether such rows are allowed.

    Raises:
        BadTable: If there are some, and they are not allowed.
    """
    in_order = rows.sort_values(["code", "label_from", "label_until"], kind="stable")
    ends = in_order.groupby("code")["label_until"].cummax()
    before = ends.groupby(in_order["code"]).shift()
    is_overlap = in_order["label_from"] <= before
    if is_overlap.any() and columns.overlapping_labels == "refuse":
        second, ended = in_order[is_overlap].iloc[0], before[is_overlap].iloc[0]
        raise BadTable(
            f"{table.place_of(second['row'])} of {columns.entity} {second['code']} has a label from "
            f"{second['label_from']:%Y-%m-%d}, and an earlier label of it ends on {ended:%Y-%m-%d}; "
            f"{int(is_overlap.sum())} of {len(rows)} rows overlap so, and count as more than they are worth. Thin the "
            "table out, or set panel.source.overlapping_labels to allow: train rows are purged by their labels."
        )
    return int(is_overlap.sum())


def kind_of_target(table: RawTable, rows: pd.DataFrame, columns: TableColumns) -> TargetKind:
    """Whether the target of these rows is binary.

    Raises:
        BadTable: If it is constant, or said to be binary and is not.
    """
    check_varies(rows, columns.target, table.what)
    is_other = ~rows["target"].isin((0.0, 1.0))
    if columns.target_kind == "binary" and is_other.any():
        first = rows[is_other].sort_values("row").iloc[0]
        raise BadTable(
            f"{table.place_of(first['row'])} has {columns.target} {first['target']:g}, as {int(is_other.sum())} rows "
            "have one that is neither 0 nor 1; set panel.source.target_kind to number, or correct them."
        )
    return "binary" if columns.target_kind != "number" and not is_other.any() else "number"


def check_varies(rows: pd.DataFrame, target: str, what: str) -> None:
    """Raise BadTable if the target has one value in all rows: no score is defined."""
    if len(rows) and rows["target"].nunique() == 1:
        raise BadTable(
            f"{what} has {target} {rows['target'].iloc[0]:g} in all {len(rows)} rows with a target, so that there is "
            "nothing to predict; name another target, or draw more rows."
        )
