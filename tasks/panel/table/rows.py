"""From a table's columns to the panel's, for every row of the table, and the drawn rows' sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tasks.panel.sources.csv_file import are_plain_numbers
from tasks.panel.table.cells import common_zone, days, numbers, texts
from tasks.panel.table.checks import check_label_days, check_spellings
from tasks.panel.table.config import TableColumns
from tasks.panel.table.read import RawTable
from tasks.panel.table.template import render


@dataclass(frozen=True, eq=False)
class TableRows:
    """A table in the panel's columns.

    Args:
        raw: The table.
        columns: What its columns mean.
        rows: code, date, label_from, label_until, features and target of every row, and its number `row` in the table.
        missing: (n_rows,) whether a row lacks a value, by the table's column, of entity, time, features and sentences.
        zone: Time zone of its days; None if they name none.
        n_with_hours: Rows whose `time` had a time of day.
    """

    raw: RawTable
    columns: TableColumns
    rows: pd.DataFrame
    missing: Mapping[str, pd.Series]
    zone: str | None
    n_with_hours: int
    values: Mapping[str, pd.Series] = field(default_factory=dict)


def table_rows(raw: RawTable, columns: TableColumns) -> TableRows:
    """Parse every column that the settings name.

    Raises:
        BadTable: If a value is of the wrong kind, an entity is written in two ways, or a label ends before it starts.
    """
    entity = texts(raw, columns.entity)
    check_spellings(raw, entity, columns.entity)
    by_day = {name: days(raw, name) for name in (columns.time, columns.label_from, columns.label_until) if name}
    zone = common_zone(raw, by_day)
    features = {name: numbers(raw, name) for name in columns.features}
    day = by_day[columns.time].days
    rows = pd.DataFrame(
        {
            "code": _codes(entity),
            "date": day,
            "label_from": by_day[columns.label_from].days if columns.label_from else day,
            "label_until": by_day[columns.label_until].days if columns.label_until else day,
            **features,
            "target": numbers(raw, columns.target),
            "row": np.arange(len(entity)),
        }
    )
    check_label_days(raw, rows, columns)
    values = _sentence_values(raw, columns)
    missing = {columns.entity: entity, columns.time: day, **{name: rows[name] for name in features}, **values}
    return TableRows(
        raw,
        columns,
        rows,
        {name: column.isna() for name, column in missing.items()},
        zone,
        by_day[columns.time].n_with_hours,
        values,
    )


def sentences(table: TableRows, drawn: pd.DataFrame) -> dict[str, list[str]]:
    """The drawn rows' sentences by column of the panel; none if the table has none."""
    columns, at = table.columns, drawn["row"]
    if columns.text:
        of_panel = zip(columns.sentences, (columns.text, columns.text_undated), strict=False)
        return {name: table.values[own or ""].loc[at].tolist() for name, own in of_panel}
    values = {name: own.loc[at].tolist() for name, own in table.values.items()}
    keys = {"entity": drawn["code"].astype(str).tolist(), "date": drawn["date"].dt.strftime("%Y-%m-%d").tolist()}
    of_panel = zip(columns.sentences, (columns.template, columns.undated), strict=False)
    return {name: list(render(own or "", values | keys, len(drawn))) for name, own in of_panel}


def _codes(entity: pd.Series) -> pd.Series:
    """Entities as numbers if all are written as plain numbers, else as text, as prices have them."""
    return entity.map(int, na_action="ignore") if are_plain_numbers(entity.dropna().unique()) else entity


def _sentence_values(raw: RawTable, columns: TableColumns) -> dict[str, pd.Series]:
    """Columns of the file that sentences are made of."""
    written = {name: texts(raw, name) for name in (columns.text, columns.text_undated) if name}
    used = {
        name: pd.Series(numbers(raw, name)) if is_number else texts(raw, name)
        for name, is_number in columns.of_template.items()
    }
    return written | used
