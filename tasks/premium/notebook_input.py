"""Check what a notebook passes to `measure`: the pipeline's own artifacts were checked when they were made."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tasks.premium.config import PremiumConfig
from tasks.premium.errors import BadPanel, PremiumError, StatesDoNotFit
from tasks.sampling.splitters.labels import DAYS, read_labels
from tasks.schemas.artifacts import Panel

NEEDED = ("code", *DAYS, "target")


def check_panel(table: object) -> None:
    """Check a panel's table.

    Raises:
        BadPanel: If it lacks a column or a value, has a feature that is not a number, or a stock's day twice.
        BadLabels: If its days cannot be read.
    """
    if not isinstance(table, pd.DataFrame):
        raise BadPanel(f"panel is of type {type(table).__name__}; pass a pandas DataFrame, as build_panel makes it.")
    _check_columns(table)
    for name in table.columns.drop([*Panel.TEXTS], errors="ignore"):
        _check_values(table[name])
    read_labels(table)
    for name in DAYS:
        if (has_time := table[name] != table[name].dt.normalize()).any():
            raise BadPanel(
                f"panel has a time of day in {name} in {has_time.sum()} of {len(table)} rows, first "
                f"{table[name][has_time].iloc[0]}; pass days, as by .dt.normalize()."
            )
    _check_one_row_a_day(table)


def _check_columns(table: pd.DataFrame) -> None:
    if repeated := sorted({str(name) for name in table.columns[table.columns.duplicated()]}):
        raise BadPanel(f"panel has more than one column {', '.join(repeated)}; keep one of each.")
    if missing := [name for name in NEEDED if name not in table]:
        raise BadPanel(f"panel lacks {', '.join(missing)}; it needs {', '.join(NEEDED)}, as build_panel makes them.")


def _check_values(column: pd.Series) -> None:
    if n_missing := int(column.isna().sum()):
        raise BadPanel(f"panel lacks {column.name} in {n_missing} of {len(column)} rows, none may; drop those rows.")
    if len(types := sorted({type(name).__name__ for name in column.unique()})) > 1:
        raise BadPanel(f"panel has {' and '.join(types)} in {column.name}; convert it to one type, as by .astype(str).")
    if column.name != "target" and column.name in Panel.NOT_FEATURES:
        return
    if not pd.api.types.is_numeric_dtype(column):
        raise BadPanel(
            f"panel holds {column.dtype} in {column.name}, numbers are needed: each column but "
            f"{', '.join(Panel.NOT_FEATURES)} is a feature. Convert it with to_numeric, or drop it."
        )
    if n_infinite := int(np.isinf(column.to_numpy(np.float64)).sum()):
        raise BadPanel(
            f"panel has {column.name} infinite in {n_infinite} of {len(column)} rows, none may be; drop those rows."
        )


def _check_one_row_a_day(table: pd.DataFrame) -> None:
    if (is_repeat := table.duplicated(["code", "date"])).any():
        first = table[is_repeat].iloc[0]
        raise BadPanel(
            f"panel has more than one row of stock {first['code']} for {first['date']:%Y-%m-%d}, and "
            f"{is_repeat.sum()} rows in all repeat a stock's day; keep one row per stock and day."
        )


def checked_states(
    states_by_model: Mapping[str, ArrayLike], undated: Mapping[str, ArrayLike]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """States as arrays of floats, dated and undated; their shape is checked where they meet the panel.

    Raises:
        StatesDoNotFit: If there are none, they are no floats, or undated ones are of a model without dated ones.
    """
    if not states_by_model:
        raise StatesDoNotFit("states_by_model is empty; pass at least one model's states by its name.")
    if unknown := [str(name) for name in undated if name not in states_by_model]:
        raise StatesDoNotFit(
            f"undated has {', '.join(unknown)}, states_by_model has {', '.join(states_by_model)}; use the same names."
        )
    dated, without_day = (
        {model: _floats(own, model) for model, own in given.items()} for given in (states_by_model, undated)
    )
    return dated, without_day


def _floats(states: ArrayLike, model: str) -> np.ndarray:
    found = np.asarray(states)
    if not np.issubdtype(found.dtype, np.floating):
        raise StatesDoNotFit(f"states of the {model} model are {found.dtype}, floats are needed; use .astype(float).")
    return found


def check_hypothesis(config: PremiumConfig) -> None:
    """Raise PremiumError if the config states a hypothesis or ladders: only the premium stage has answers and fits."""
    if config.hypothesis:
        raise PremiumError(
            "config.hypothesis is about base and trained of a run, and measure answers none; set it to None and "
            "compare the figure's intervals under unscaled and standardized columns with the threshold."
        )
    if config.ladders:
        raise PremiumError(
            "config.ladders is fitted by the premium stage of an audit, and measure fits none; leave it out."
        )
