"""What a table of outcomes is refused for, once its rows are held against the panel and production's training."""

from collections.abc import Mapping

import pandas as pd

from tasks.live.errors import BadOutcomes
from tasks.live.outcomes_config import OutcomesAt, TableOutcomes
from tasks.live.outcomes_table import KEYS
from tasks.sampling.pairs import horizon_of


def check_any_matches(rows: pd.DataFrame, read: pd.DataFrame, panel: pd.DataFrame) -> None:
    """A table of which nothing is the panel's would read as `no new outcome` for ever.

    Rows of days after the panel's last may be there before their features.
    """
    due = read[read["date"] <= panel["date"].max()]
    if len(rows) or not len(due):
        return
    row, own = due.iloc[-1], panel.iloc[-1]
    raise BadOutcomes(
        f"none of the {len(due)} outcomes up to the panel's last day is one of the panel's rows: the newest is of "
        f"{row['code']} on {row['date']:%Y-%m-%d} with horizon {row['horizon']}, and the panel has rows such as "
        f"{own['code']} on {own['date']:%Y-%m-%d} with horizon {horizon_of(panel)}. Write pairs, days and horizon into "
        "the table as the panel has them."
    )


def check_some_are_new(rows: pd.DataFrame, dropped: Mapping[str, int], panel: pd.DataFrame, config: OutcomesAt) -> None:
    """Outcomes that production was trained on say nothing about it, however many more of them come.

    One that comes late or is corrected is replayed and counted. That all are older is right only until the first one of
    the hold-out is late: from then on the table is another one, or has ended.
    """
    first = pd.Timestamp(config.new_from)
    if not len(rows) or rows["date"].max() >= first or not _is_late(due := _first_due(panel, first), config):
        return
    newest, source = rows.sort_values("date").iloc[-1], config.source
    where = source.path if isinstance(source, TableOutcomes) else "of the panel's prices"
    left_out = ", ".join(f"{name} {value}" for name, value in dropped.items() if value) or "none"
    raise BadOutcomes(
        f"outcomes {where} end before {config.trained} could be judged by them: the newest of {len(rows)} that the "
        f"panel has rows for is of {newest['code']} on {newest['date']:%Y-%m-%d}, and the hold-out of that version's "
        f"training begins on {config.new_from}, with a first outcome due on {due:%Y-%m-%d}. Left out: {left_out}; the "
        f"panel ends on {panel['date'].max():%Y-%m-%d}. Append the outcomes since, name the table or the prices that "
        "go on, or promote a version whose training ended before."
    )


def _first_due(panel: pd.DataFrame, first: pd.Timestamp) -> pd.Timestamp:
    """When the first label from a day on ends. Of a panel that ends before: no label takes longer than its longest."""
    ends = panel.loc[panel["date"] >= first, "label_until"]
    due: pd.Timestamp = ends.min() if len(ends) else first + (panel["label_until"] - panel["date"]).max()
    return due


def _is_late(due: pd.Timestamp, config: OutcomesAt) -> bool:
    hours = max(config.late_after_hours, config.published_after_hours)
    return bool(pd.Timestamp(config.at) > (due + pd.Timedelta(hours=hours)).tz_localize("UTC"))


def check_consistent(rows: pd.DataFrame) -> None:
    """Two outcomes under one revision: it is unknown which of them holds."""
    if (twice := rows.duplicated([*KEYS, "revision"], keep=False)).any():
        row = rows[twice].iloc[0]
        raise BadOutcomes(
            f"the outcome of {row['code']} on {row['date']:%Y-%m-%d} is there {int(twice.sum())} times with revision "
            f"{row['revision']} and different values; append a row with a higher revision that says which holds."
        )
