"""A desk's append-only table of outcomes: files read and checked cell by cell, and its clock."""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from tasks.common.urls import open_filesystem, read_url, url_errors
from tasks.live.errors import BadOutcomes, ClockSkew
from tasks.live.outcomes_config import OutcomesConfig, TableOutcomes

KEYS = ("code", "date")
COLUMNS = (*KEYS, "horizon", "outcome", "known_at", "revision")
FORMATS = (".csv", ".parquet")
WITH_ZONE = r"(?:Z|[+-]\d\d:?\d\d)$"
MAX_NUMBER = 1_000_000
"""Of weekdays of a horizon, and of revisions: what is above is no count."""


def read_outcomes(source: TableOutcomes) -> pd.DataFrame:
    """All rows of a table of outcomes.

    Returns:
        COLUMNS; date and known_at (UTC) as datetime64.

    Raises:
        BadOutcomes: If a file cannot be read, lacks a column, or has a cell that is none of its column's.
    """
    try:
        parts = [_checked(_parsed(path), path) for path in _files(source.path)]
    except (OSError, ValueError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
        raise BadOutcomes(f"outcomes {source.path} cannot be read: {reason}. Correct outcomes.source.path.") from error
    if not parts:
        raise BadOutcomes(f"outcomes {source.path} is a folder without a .csv or .parquet file; name the table's.")
    return pd.concat(parts, ignore_index=True)


def check_clock(rows: pd.DataFrame, now: datetime, config: OutcomesConfig) -> None:
    """Refuse outcomes from the future: this machine's clock is behind, or the table's writer's ahead.

    Raises:
        ClockSkew: If one is known later than now by more than `skew_minutes`.
    """
    latest = rows["known_at"].max()
    if latest > pd.Timestamp(now + timedelta(minutes=config.skew_minutes)):
        row = rows[rows["known_at"] == latest].iloc[0]
        raise ClockSkew(
            f"the outcome of {row['code']} on {row['date']:%Y-%m-%d} is known at {latest:%Y-%m-%d %H:%M:%S} UTC, "
            f"and this machine's clock says {now:%Y-%m-%d %H:%M:%S} UTC, earlier by more than "
            f"skew_minutes={config.skew_minutes:g}. Set the clock that is off; production stays as it is."
        )


def _files(path: str) -> Iterator[str]:
    if any(path.endswith(suffix) for suffix in FORMATS):
        yield path
        return
    filesystem, folder = open_filesystem(path)
    with url_errors():
        names = sorted(filesystem.ls(folder, detail=False))
    for name in names:
        if any(str(name).endswith(suffix) for suffix in FORMATS):
            yield filesystem.unstrip_protocol(name)


def _parsed(path: str) -> pd.DataFrame:
    content = io.BytesIO(read_url(path))
    try:
        if PurePosixPath(path).suffix == ".parquet":
            return pd.read_parquet(content)
        # `NA` may be a pair's code.
        return pd.read_csv(content, dtype={"code": str}, keep_default_na=False, na_values=[""])
    except Exception as error:
        # A damaged file can raise any exception: of pyarrow, of a decoder, or an index.
        raise ValueError(f"{path} is no readable table: {type(error).__name__}: {str(error)[:200]}") from error


def _checked(table: pd.DataFrame, path: str) -> pd.DataFrame:
    if missing := [name for name in COLUMNS if name not in table]:
        raise BadOutcomes(f"outcomes {path} lack {', '.join(missing)}; a table of outcomes has {', '.join(COLUMNS)}.")
    has_zone = isinstance(table["known_at"].dtype, pd.DatetimeTZDtype)
    known_at = pd.to_datetime(table["known_at"], errors="coerce", utc=True, format=None if has_zone else "ISO8601")
    cells: dict[str, pd.Series] = {
        "code": table["code"].astype(str),
        "date": _days(table["date"], path),
        "known_at": known_at.astype("datetime64[us, UTC]"),
        **{name: pd.to_numeric(table[name], errors="coerce") for name in ("horizon", "outcome", "revision")},
    }
    bad: dict[str, pd.Series] = {name: values.isna() for name, values in cells.items()}
    bad["outcome"] |= ~np.isfinite(cells["outcome"].astype(float))
    # Also a day that is written as a number, which would be read as nanoseconds since 1970.
    bad["date"] |= cells["date"] != cells["date"].dt.normalize()
    for name in ("horizon", "revision"):
        bad[name] |= ~((cells[name] % 1 == 0) & (cells[name] >= 0) & (cells[name] <= MAX_NUMBER))
    bad["code"] |= table["code"].isna() | (cells["code"] == "")
    if not has_zone:
        bad["known_at"] |= ~table["known_at"].astype(str).str.contains(WITH_ZONE)
    for name, is_bad in bad.items():
        if is_bad.any():
            place = int(np.flatnonzero(is_bad)[0])
            raise BadOutcomes(
                f"row {place + 1} of outcomes {path} has {name} = {table[name].iloc[place]}, one of "
                f"{int(is_bad.sum())} such rows; an outcome is finite, a date is a day, as 2026-11-30, horizon and "
                f"revision are whole numbers from 0 to {MAX_NUMBER:,}, and known_at has a time zone, as "
                "2026-11-30T16:00:00Z."
            )
    return pd.DataFrame(cells)[[*COLUMNS]].astype({"horizon": int, "revision": int})


def _days(column: pd.Series, path: str) -> pd.Series:
    is_text = not pd.api.types.is_datetime64_any_dtype(column)
    # Without a format 05/11/2026 is 11 May, and 13/11/2026 of the next file is in November.
    days = pd.to_datetime(column, errors="coerce", format="%Y-%m-%d" if is_text else None)
    if not pd.api.types.is_datetime64_dtype(days):
        raise BadOutcomes(
            f"date of outcomes {path} is of type {days.dtype}, with a time zone; a date is the forecast's day without "
            "a time, as 2026-11-30. Write it so."
        )
    return days.astype("datetime64[us]")
