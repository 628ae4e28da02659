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
from tasks.live.outcomes_checks import check_any_matches, check_consistent, check_some_are_new
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
        n_of_open_days: Outcomes of days that do not count yet: others of them, or of a day before, may still come.
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
    n_of_open_days: int
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

    A day counts as a whole: once each of its rows has an outcome or is late, and so have the days before it. Otherwise
    gate and watch would look at a day several times, each time at those of its outcomes that had come, and a crossing
    on any of these subsets would stay.

    Args:
        panel: Rows of a Panel.
        config: The moment.
        listed: All rows of the desk's table; None for the panel's prices.

    Returns:
        Rows in the panel's order and columns, and what was counted.

    Raises:
        BadOutcomes: If the table contradicts itself, no row of it is this panel's, or all of them are older than the
            hold-out of production's training although newer ones are late.
    """
    prices = outcomes_of_prices(panel, config)
    rows = prices if listed is None else listed
    own = _own_rows(rows, panel, config)
    check_some_are_new(own.rows, own.dropped, panel, config)
    latest = _latest(own.rows, config)
    older = pd.Timestamp(config.new_from)
    filled = _unlisted(latest, prices[prices["date"] < older], config) if listed is not None else prices.iloc[:0]
    known = pd.concat([latest, _first_ones(filled)], ignore_index=True)
    counts_from = known["date"].map(_counted_from(panel, known, config))
    is_open = counts_from > pd.Timestamp(config.at)
    counted, counts_from = known[~is_open], counts_from[~is_open]
    joined = panel[[*KEYS]].assign(code=panel["code"].astype(str)).merge(counted, on=[*KEYS], how="left")
    has_outcome = joined["outcome"].notna().to_numpy()
    is_new = counted["date"] >= older
    if config.counted_until:
        is_new &= counts_from.where(counts_from > counted["known_at"], counted["known_at"]) > config.counted_until
    counts = OutcomeCounts(
        n_rows=len(rows),
        **own.dropped,
        n_repeated=own.n_repeated,
        n_of_open_days=int(is_open.sum()),
        n_corrected=int(counted["is_corrected"].sum()),
        n_late=int(counted["is_late"].sum()),
        n_older=int((counted["date"] < older).sum()),
        n_from_prices=int((~is_open[len(latest) :]).sum()),
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
    read = rows
    keep("n_other_horizon", rows["horizon"] == horizon_of(panel))
    rows = rows.merge(labels, on=[*KEYS], how="left")
    keep("n_without_features", rows["label_until"].notna())
    check_any_matches(rows, read, panel)
    rows = rows.assign(label_until=rows["label_until"].dt.tz_localize("UTC"))
    keep("n_too_early", rows["known_at"] >= rows["label_until"])
    ordered = rows.sort_values([*KEYS, "revision", "known_at"], kind="stable")
    once = ordered[~ordered.duplicated([*KEYS, "revision", "outcome"])]
    check_consistent(once)
    return _OwnRows(once, dropped, len(ordered) - len(once))


def _latest(rows: pd.DataFrame, config: OutcomesConfig) -> pd.DataFrame:
    """The highest revision of each outcome, whether it is a correction, and when the first one came and if late."""
    late = rows["label_until"] + pd.Timedelta(hours=config.late_after_hours)
    grouped = rows.assign(is_late=rows["known_at"] > late).groupby([*KEYS], sort=False)
    latest = grouped.tail(1)
    firsts = grouped.agg(is_late=("is_late", "first"), first_known_at=("known_at", "first")).reset_index()
    sizes = grouped.size().rename("n_revisions").reset_index()
    latest = latest.drop(columns="is_late").merge(firsts, on=[*KEYS]).merge(sizes, on=[*KEYS])
    return latest.assign(is_corrected=latest["n_revisions"] > 1)[
        [*COLUMNS, "is_late", "is_corrected", "first_known_at"]
    ]


def _first_ones(prices: pd.DataFrame) -> pd.DataFrame:
    return prices.assign(is_late=False, is_corrected=False, first_known_at=prices["known_at"])


def _counted_from(panel: pd.DataFrame, known: pd.DataFrame, config: OutcomesConfig) -> pd.Series:
    """By day, the moment from which its outcomes count."""
    labels = panel[[*KEYS, "label_until"]].assign(code=panel["code"].astype(str))
    rows = labels.merge(known[[*KEYS, "first_known_at"]], on=[*KEYS], how="left")
    late = rows["label_until"].dt.tz_localize("UTC") + pd.Timedelta(hours=config.late_after_hours)
    settled = rows["first_known_at"].where(rows["first_known_at"] < late, late)
    moments: pd.Series = settled.groupby(rows["date"]).max().cummax()
    return moments


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
