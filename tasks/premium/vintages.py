"""Vintages: a model stitched from others, each row served by the newest that cannot know the row's day.

The day alone decides, so a day has one vintage. The states of different vintages stand below each other as they are:
docs/measure.md says what a regression on them means.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.premium.config import PremiumConfig, VintagesConfig
from tasks.premium.errors import BadVintages
from tasks.premium.rows import Repeat, Rows
from tasks.sampling.arrays import BoolArray, IntArray
from tasks.schemas.vintages import RowSpan, Vintage, Vintages

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Serving:
    """Which vintage serves which row.

    Args:
        served_by: (n_rows,) index into `facts.served`, or -1 where no vintage may serve.
        facts: The vintages, oldest first, with their rows, and the rows of none.
    """

    served_by: IntArray
    facts: Vintages

    @property
    def is_served(self) -> BoolArray:
        """(n_rows,) whether the row has figures."""
        return self.served_by >= 0


def with_vintages(rows: Rows, config: PremiumConfig) -> tuple[Rows, Vintages | None]:
    """Add the stitched model as the last one, and leave out the rows that no vintage may serve.

    Args:
        rows: The panel with all models' states.
        config: Vintages and the models' cutoffs; without vintages the rows are returned as they are.

    Returns:
        The rows of all models, and which vintage served them.

    Raises:
        BadVintages: If the config's vintages are none of these models, have different widths, or serve no row.
    """
    if config.vintages is None:
        return rows, None
    found = serve(rows.labels["date"], list(rows.states), config.vintages, config.cutoffs)
    if (none := found.facts.unserved).n_rows:
        log.info("premium: %d rows, %s to %s, are served by no vintage: left out", none.n_rows, none.first, none.last)
    states = {vintage.model: rows.states[vintage.model] for vintage in found.facts.served}
    check_widths({name: own.shape[1] for name, own in states.items()})
    stitched = {config.vintages.name: _stitched(states, found.served_by)}
    extended = replace(
        rows, states={**rows.states, **stitched}, repeats={**rows.repeats, **_repeats(rows, config, found)}
    )
    return extended.only(found.is_served), found.facts


def _stitched(states: Mapping[str, NDArray[np.float32]], served_by: IntArray) -> NDArray[np.float32]:
    stitched = np.zeros_like(next(iter(states.values())), dtype=np.result_type(*states.values()))
    for index, own in enumerate(states.values()):
        stitched[served_by == index] = own[served_by == index]
    return stitched


def _repeats(rows: Rows, config: PremiumConfig, found: Serving) -> dict[str, Repeat]:
    """The stitched model's states a second time, in rows whose vintage was embedded twice; none where none was."""
    vintages = [vintage.model for vintage in found.facts.served]
    repeated = {model: rows.repeats[model] for model in vintages if model in rows.repeats}
    if config.vintages is None or not repeated:
        return {}
    once = np.full_like(rows.states[vintages[0]], np.nan)
    states = {model: repeated[model].states if model in repeated else once for model in vintages}
    settings = "; ".join(dict.fromkeys(own.settings for own in repeated.values()))
    return {config.vintages.name: Repeat(settings, _stitched(states, found.served_by))}


def serve(days: pd.Series, models: Collection[str], config: VintagesConfig, cutoffs: Mapping[str, date]) -> Serving:
    """Choose each row's vintage, and count.

    Args:
        days: Of the rows.
        models: Names of all models.
        config: Which of them are vintages, and their embargo.
        cutoffs: Of the models of which it is known.

    Raises:
        BadVintages: If the config's vintages are none of these models, or serve no row.
    """
    chosen = config.cutoffs_among(models, cutoffs)
    served_by = newest_before(days, list(chosen.values()), config.embargo_days)
    if not (served_by >= 0).any():
        oldest, cutoff = next(iter(chosen.items()))
        raise BadVintages(
            f"no vintage serves a row: the oldest, {oldest!r}, may from {config.embargo_days} days after {cutoff}, and "
            f"the panel ends on {days.max():%Y-%m-%d}. Add an older model, shorten premium.vintages.embargo_days, or "
            "extend the panel."
        )
    facts = Vintages(
        name=config.name,
        embargo_days=config.embargo_days,
        served=[
            Vintage(model=model, cutoff=cutoff, **_span(days[served_by == index]).model_dump())
            for index, (model, cutoff) in enumerate(chosen.items())
        ],
        unserved=_span(days[served_by < 0]),
    )
    return Serving(served_by, facts)


def served_rows(table: pd.DataFrame, config: PremiumConfig) -> pd.DataFrame:
    """The rows of a panel that have figures: all, or with vintages those that one of them may serve."""
    if config.vintages is None:
        return table
    found = serve(table["date"], list(config.cutoffs), config.vintages, config.cutoffs)
    return table[found.is_served].reset_index(drop=True)


def newest_before(days: pd.Series, cutoffs: list[date], embargo_days: int) -> IntArray:
    """(n_rows,) index of the newest cutoff that lies, embargo included, before the row's day; -1 where none does.

    Args:
        days: Of the rows.
        cutoffs: In ascending order.
        embargo_days: Calendar days after a cutoff that count as known.

    Examples:
        >>> days = pd.Series(pd.to_datetime(["2018-12-31", "2019-01-01", "2019-12-31", "2020-01-01"]))
        >>> newest_before(days, [date(2018, 12, 31), date(2019, 12, 31)], embargo_days=0).tolist()
        [-1, 0, 0, 1]
    """
    ends = np.array(cutoffs, dtype="datetime64[D]") + np.timedelta64(embargo_days, "D")
    return np.searchsorted(ends, days.to_numpy("datetime64[D]"), side="left") - 1


def check_widths(widths: Mapping[str, int]) -> None:
    """Raise BadVintages unless the states of all vintages are equally wide."""
    first, width = next(iter(widths.items()))
    if others := [f"{name!r} {own:,}" for name, own in widths.items() if own != width]:
        raise BadVintages(
            f"states of vintage {first!r} are {width:,} wide, those of {', '.join(others)}, and only equal widths can "
            "be stitched; list the models of one width in premium.vintages.models."
        )


def _span(days: pd.Series) -> RowSpan:
    first, last = (days.min().date(), days.max().date()) if len(days) else (None, None)
    return RowSpan(n_rows=len(days), first=first, last=last)
