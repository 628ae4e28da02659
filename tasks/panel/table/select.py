"""From a table's rows to those that a panel's are drawn from. Every dropped row is counted, by the column it lacks."""

import logging
from dataclasses import dataclass

import pandas as pd
from pydantic import JsonValue

from tasks.panel.config import PanelConfig
from tasks.panel.contracts import Funnel
from tasks.panel.sample import Codes, check_both_sides, check_n_stocks, longest_histories
from tasks.panel.table.checks import check_one_row_a_day, count_overlaps, kind_of_target
from tasks.panel.table.rows import TableRows

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Selected:
    """What a table leaves to draw from.

    Args:
        funnel: The rows of the chosen entities, by code and date.
        observed: All rows with an entity and a day.
        candidates: All rows with every value.
        codes: The chosen entities, ascending.
        facts: Kind of the target, time zone, and counts of what was found in the table.
    """

    funnel: Funnel
    observed: pd.DataFrame
    candidates: pd.DataFrame
    codes: Codes
    facts: dict[str, JsonValue]


def rows_of_table(table: TableRows, config: PanelConfig) -> Selected:
    """Drop rows that lack a value, check the others, choose entities.

    Under `point_in_time` entities are chosen by their rows before the cut, whether or not those have a target yet.

    Args:
        table: All rows of the table.
        config: Contract, entities and cut.

    Raises:
        BadTable: If an entity has two rows for a day, overlapping labels, or the target is constant.
        TooFewStocks: If fewer than two entities can be chosen.
        EmptySplit: If all rows are on one side of the cut.
    """
    funnel, columns = Funnel(table.rows), table.columns
    for name in (columns.entity, columns.time):
        _drop_missing(funnel, name, table.missing[name])
    funnel.rows = _typed(funnel.rows).sort_values(["code", "date"], kind="stable")
    check_one_row_a_day(table.raw, funnel.rows, columns)
    observed = funnel.rows
    for name, is_missing in table.missing.items():
        if name not in (columns.entity, columns.time):
            _drop_missing(funnel, name, is_missing)
    history = funnel.rows
    labels = {columns.label_from: "label_from", columns.label_until: "label_until", columns.target: "target"}
    for column, own in labels.items():
        if column:
            _drop_missing(funnel, column, table.rows[own].isna())
    facts = _checked_facts(table, funnel.rows)
    _check_entities(funnel, funnel.rows, f"have a row with {columns.target} and every other column")
    check_both_sides(funnel.rows, config.test_from)
    if config.contract == "point_in_time":
        history = history[history["date"] < pd.Timestamp(config.test_from)]
        _check_entities(funnel, history, f"have a row before test_from={config.test_from}")
    codes = longest_histories(history if config.contract == "point_in_time" else funnel.rows, config.n_stocks)
    candidates = funnel.rows
    funnel.keep(candidates["code"].isin(codes), "n_rows_of_kept_stocks", "stock_not_kept")
    check_both_sides(funnel.rows, config.test_from)
    return Selected(funnel, observed, candidates, codes, facts)


def _drop_missing(funnel: Funnel, column: str, is_missing: pd.Series) -> None:
    funnel.keep(~is_missing.loc[funnel.rows.index], f"n_rows_with_{column}", f"missing_{column}")


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Codes as numbers or as text, now that none is missing."""
    are_numbers = all(isinstance(code, int) for code in rows["code"])
    return rows.astype({"code": "int64" if are_numbers else "str"})


def _check_entities(funnel: Funnel, rows: pd.DataFrame, condition: str) -> None:
    dropped = ", ".join(f"{reason} {n}" for reason, n in funnel.dropped.items() if n) or "none"
    check_n_stocks(rows["code"].nunique(), condition, "entities", f"rows dropped: {dropped}")


def _checked_facts(table: TableRows, rows: pd.DataFrame) -> dict[str, JsonValue]:
    n_single = int((rows.groupby("code").size() == 1).sum())
    counts = {
        "n_times_with_hours": table.n_with_hours,
        "n_entities_with_one_row": n_single,
        "n_overlapping_labels": count_overlaps(table.raw, rows, table.columns),
    }
    if table.n_with_hours:
        log.info("panel: %d times are taken to their day in %s", table.n_with_hours, table.zone or "no named zone")
    if n_single:
        log.info("panel: %d entities have one row, which is kept", n_single)
    return {"target": kind_of_target(table.raw, rows, table.columns), "time_zone": table.zone, "table": {**counts}}
