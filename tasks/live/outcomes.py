"""Outcomes as they were known at a moment, from an append-only table with late and corrected rows.

What is dropped, late or corrected is counted (`OutcomeCounts`); what cannot be read, or contradicts itself, is refused.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from tasks.live.errors import BadOutcomes
from tasks.live.outcomes_config import OutcomesAt, OutcomesConfig, TableOutcomes
from tasks.live.outcomes_table import COLUMNS, KEYS, check_clock, read_outcomes
from tasks.sampling.pairs import horizon_of
from tasks.schemas.artifacts import Panel


@dataclass(frozen=True)
class OutcomeCounts:
    """What became of the rows of a table of outcomes.

    Args:
        n_rows: All that were read.
        n_unknown_yet: Rows known only after the moment.
        n_other_horizon: Rows of another horizon than the panel's.
        n_too_early: Rows said to be known before their label's last day began.
        n_without_features: Rows whose pair and day the panel lacks.
        n_repeated: Rows that say again what an earlier one says.
        n_corrected: Outcomes that a later revision replaced.
        n_late: Outcomes that were known late.
        n_older: Outcomes from before the first day that production was not trained on.
        n_from_prices: Of them, those that the table lacks and the panel's prices have.
        n_outcomes: Outcomes that count, older ones among them.
        n_new: Outcomes, not older, that became known since the last update.
        n_rows_without_outcome: Rows of the panel whose outcome is not known yet.
    """

    n_rows: int
    n_unknown_yet: int
    n_other_horizon: int
    n_too_early: int
    n_without_features: int
    n_repeated: int
    n_corrected: int
    n_late: int
    n_older: int
    n_from_prices: int
    n_outcomes: int
    n_new: int
    n_rows_without_outcome: int

    def facts(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


def outcomes_of_prices(panel: pd.DataFrame, config: OutcomesConfig) -> pd.DataFrame:
    """The panel's targets as a table of outcomes, each known once its prices are published."""
    published = panel["label_until"] + pd.Timedelta(hours=config.published_after_hours)
    return pd.DataFrame(
        {
            "code": panel["code"].astype(str),
            "date": panel["date"],
            "horizon": horizon_of(panel),
            "outcome": panel["target"],
            "known_at": published.dt.tz_localize("UTC"),
            "revision": 0,
        }
    )


def known_outcomes(
    panel: pd.DataFrame, config: OutcomesAt, listed: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, OutcomeCounts]:
    """The panel's rows whose outcome was known at a moment, with that outcome as their target.

    Rows before `new_from` that the table lacks have the panel's own target: they are replayed, and were trained on as
    such.

    Args:
        panel: Rows of a Panel.
        config: The moment.
        listed: All rows of the desk's table; None for the panel's prices.

    Returns:
        Rows in the panel's order and columns, and what was counted.

    Raises:
        BadOutcomes: If the table contradicts itself, or has no row of this panel.
    """
    prices = outcomes_of_prices(panel, config)
    rows = prices if listed is None else listed
    own = _own_rows(rows, panel, config)
    latest = _latest(own.rows, config)
    older = pd.Timestamp(config.new_from)
    filled = _unlisted(latest, prices[prices["date"] < older], config) if listed is not None else prices.iloc[:0]
    counted = pd.concat([latest, filled], ignore_index=True)
    joined = panel[[*KEYS]].assign(code=panel["code"].astype(str)).merge(counted, on=[*KEYS], how="left")
    has_outcome = joined["outcome"].notna().to_numpy()
    is_new = latest["date"] >= older
    if config.counted_until:
        is_new &= latest["known_at"] > pd.Timestamp(config.counted_until)
    counts = OutcomeCounts(
        n_rows=len(rows),
        **own.dropped,
        n_repeated=own.n_repeated,
        n_corrected=int(latest["is_corrected"].sum()),
        n_late=int(latest["is_late"].sum()),
        n_older=int((counted["date"] < older).sum()),
        n_from_prices=len(filled),
        n_outcomes=len(counted),
        n_new=int(is_new.sum()),
        n_rows_without_outcome=int((~has_outcome).sum()),
    )
    found = panel.assign(target=joined["outcome"].to_numpy())[has_outcome].reset_index(drop=True)
    if not len(found):
        raise BadOutcomes(
            f"no outcome of this panel was known at {config.at:%Y-%m-%d %H:%M} UTC ({counts.facts()}); wait for "
            "some, or see whether the table has this panel's pairs and horizon."
        )
    return found, counts


@dataclass(frozen=True, eq=False)
class _OwnRows:
    """Rows of this panel that were known, once each, and how many were not."""

    rows: pd.DataFrame
    dropped: dict[str, int]
    n_repeated: int


def _own_rows(rows: pd.DataFrame, panel: pd.DataFrame, config: OutcomesAt) -> _OwnRows:
    labels = panel[[*KEYS, "label_until"]].assign(code=panel["code"].astype(str))
    dropped: dict[str, int] = {}

    def keep(name: str, kept: pd.Series) -> None:
        nonlocal rows
        dropped[name] = int((~kept).sum())
        rows = rows[kept.to_numpy()]

    keep("n_unknown_yet", rows["known_at"] <= pd.Timestamp(config.at))
    keep("n_other_horizon", rows["horizon"] == horizon_of(panel))
    rows = rows.merge(labels, on=[*KEYS], how="left")
    keep("n_without_features", rows["label_until"].notna())
    rows = rows.assign(label_until=rows["label_until"].dt.tz_localize("UTC"))
    keep("n_too_early", rows["known_at"] >= rows["label_until"])
    ordered = rows.sort_values([*KEYS, "revision", "known_at"], kind="stable")
    once = ordered[~ordered.duplicated([*KEYS, "revision", "outcome"])]
    _check_consistent(once)
    return _OwnRows(once, dropped, len(ordered) - len(once))


def _check_consistent(rows: pd.DataFrame) -> None:
    """Two outcomes under one revision: it is unknown which of them holds."""
    if (twice := rows.duplicated([*KEYS, "revision"], keep=False)).any():
        row = rows[twice].iloc[0]
        raise BadOutcomes(
            f"the outcome of {row['code']} on {row['date']:%Y-%m-%d} is there {int(twice.sum())} times with revision "
            f"{row['revision']} and different values; append a row with a higher revision that says which holds."
        )


def _latest(rows: pd.DataFrame, config: OutcomesConfig) -> pd.DataFrame:
    """The highest revision of each outcome, whether it is a correction, and whether the first one came late."""
    late = rows["label_until"] + pd.Timedelta(hours=config.late_after_hours)
    grouped = rows.assign(is_late=rows["known_at"] > late).groupby([*KEYS], sort=False)
    latest = grouped.tail(1)
    firsts = grouped["is_late"].first().reset_index()
    sizes = grouped.size().rename("n_revisions").reset_index()
    latest = latest.drop(columns="is_late").merge(firsts, on=[*KEYS]).merge(sizes, on=[*KEYS])
    return latest.assign(is_corrected=latest["n_revisions"] > 1)[[*COLUMNS, "is_late", "is_corrected"]]


def _unlisted(latest: pd.DataFrame, prices: pd.DataFrame, config: OutcomesAt) -> pd.DataFrame:
    known = prices[prices["known_at"] <= pd.Timestamp(config.at)]
    listed = pd.MultiIndex.from_frame(latest[[*KEYS]])
    return known[~pd.MultiIndex.from_frame(known[[*KEYS]]).isin(listed)]


def write_outcomes(config: OutcomesAt, panel: Panel, folder: Path) -> dict[str, JsonValue]:
    """Write a Panel whose targets are the outcomes that were known at a moment.

    Args:
        config: Source and moment.
        panel: The features.
        folder: Where `rows.parquet` goes.

    Returns:
        The counts, and first and last day.

    Raises:
        BadOutcomes: As `read_outcomes` and `known_outcomes`.
        ClockSkew: If the table has outcomes from the future.
    """
    listed = None
    if isinstance(config.source, TableOutcomes):
        listed = read_outcomes(config.source)
        check_clock(listed, datetime.now(UTC), config)
    rows, counts = known_outcomes(panel.rows(), config, listed)
    table = pa.Table.from_pandas(rows, preserve_index=False)
    # pandas' own metadata would put its version into the bytes.
    pq.write_table(table.replace_schema_metadata(None), folder / "rows.parquet", compression="zstd")
    days = rows["date"]
    return {
        **counts.facts(),
        "at": config.at.isoformat(),
        "first_day": f"{days.min():%Y-%m-%d}",
        "last_day": f"{days.max():%Y-%m-%d}",
    }
