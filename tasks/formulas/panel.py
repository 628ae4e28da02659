"""A long table of entities and days as one array per column, and back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.formulas.errors import BadPrices
from tasks.formulas.nodes import COLUMNS
from tasks.formulas.operators.registry import FloatArray, delayed

KEYS = ["entity", "date"]


@dataclass(frozen=True)
class Panel:
    """Columns as arrays of days and entities.

    Args:
        days: (n_days,) in order.
        entities: (n_entities,) in order.
        columns: (n_days, n_entities) by column; NaN where the table has no row or no value.
        has_row: (n_days, n_entities) whether the table has a row.
    """

    days: pd.DatetimeIndex
    entities: pd.Index
    columns: Mapping[str, FloatArray]
    has_row: "np.ndarray"

    def long(self, found: Iterable[tuple[str, FloatArray]]) -> pd.DataFrame:
        """Values as a table with the columns entity and date, one row for each of the panel's, by entity and day."""
        of_entity, of_day = np.nonzero(self.has_row.T)
        keys = {"entity": self.entities[of_entity], "date": self.days[of_day]}
        return pd.DataFrame(keys | {name: array[of_day, of_entity] for name, array in found})


def panel_from_rows(rows: pd.DataFrame) -> Panel:
    """Make a panel of a long table.

    Args:
        rows: Columns entity, date, and any of COLUMNS; others are left out. `returns` and `log_returns` are made from
            close, and `vwap` and `amount` from each other by volume, if they are absent.

    Raises:
        BadPrices: If entity or date is absent, missing or no day, an entity has two rows for a day, or a value is not a
            finite number.
    """
    if absent := [name for name in KEYS if name not in rows]:
        raise BadPrices(f"the table lacks {absent[0]}; it has {', '.join(map(str, rows.columns))}. Rename its columns.")
    rows = rows.reset_index(drop=True)
    days = pd.to_datetime(rows["date"], errors="coerce", format="ISO8601")
    if (bad := np.flatnonzero(days.isna() | rows["entity"].isna())).size:
        raise BadPrices(f"{_place(rows, bad)} has no entity, or a date that is not a day such as 2021-01-04.")
    keys = pd.DataFrame({"entity": rows["entity"], "date": days.dt.normalize()})
    if (bad := np.flatnonzero(keys.duplicated())).size:
        raise BadPrices(f"{_place(rows, bad)} repeats an entity's day; keep one row per entity and day.")
    names = [name for name in COLUMNS if name in rows]
    if not names:
        raise BadPrices(f"the table has none of the columns {', '.join(COLUMNS)}; rename its columns.")
    numbers = pd.DataFrame({name: _numbers(rows, name) for name in names})
    wide = pd.concat([keys, numbers.assign(has_row=1.0)], axis=1).pivot(index="date", columns="entity")
    columns = {name: wide[name].to_numpy(np.float64) for name in names}
    has_row = wide["has_row"].notna().to_numpy()
    return Panel(pd.DatetimeIndex(wide.index), wide["has_row"].columns, _derived(columns), has_row)


def read_panel(file: Path) -> Panel:
    """Read a panel from a CSV or parquet file.

    Raises:
        BadPrices: If it is neither, or as in `panel_from_rows`.
    """
    if not file.is_file():
        raise BadPrices(f"{file} is not a file; give a CSV or parquet file.")
    try:
        rows = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, dtype={"entity": str})
    except Exception as error:  # a damaged file can raise any exception: of pyarrow, of a decoder, or an index
        raise BadPrices(f"{file} is not a table: {' '.join(str(error).split())}.") from error
    try:
        return panel_from_rows(rows)
    except BadPrices as error:
        raise BadPrices(f"{file}: {error}") from error


def table_writer(file: Path) -> Callable[[pd.DataFrame], None]:
    """What writes a table as the CSV or parquet file that a name says.

    Raises:
        BadPrices: If it says neither.
    """
    match file.suffix:
        case ".parquet":
            return lambda table: table.to_parquet(file, index=False)
        case ".csv":
            return lambda table: table.to_csv(file, index=False)
    raise BadPrices(f"{file} is neither .csv nor .parquet; name one of them.")


def _numbers(rows: pd.DataFrame, name: str) -> pd.Series:
    found = pd.to_numeric(rows[name], errors="coerce").astype(np.float64)
    if (bad := np.flatnonzero((found.isna() & rows[name].notna()) | np.isinf(found))).size:
        raise BadPrices(f"{_place(rows, bad)} has {name} {str(rows[name].iloc[bad[0]])!r}; a finite number is needed.")
    return found


def _place(rows: pd.DataFrame, bad: "np.ndarray") -> str:
    first = rows.iloc[bad[0]]
    return f"row {bad[0] + 1} (entity {first['entity']}, date {first['date']}), the first of {len(bad)},"


def _derived(columns: dict[str, FloatArray]) -> dict[str, FloatArray]:
    has = columns.keys()
    with np.errstate(all="ignore"):
        if "close" in has:
            growth = columns["close"] / delayed(columns["close"], 1)
            columns.setdefault("returns", growth - 1)
            columns.setdefault("log_returns", np.log(growth))
        if {"amount", "volume"} <= has and "vwap" not in has:
            columns["vwap"] = columns["amount"] / columns["volume"]
        if {"vwap", "volume"} <= has and "amount" not in has:
            columns["amount"] = columns["vwap"] * columns["volume"]
    return columns
