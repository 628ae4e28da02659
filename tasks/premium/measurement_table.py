"""Lines of a measurement's table: a figure with its intervals each."""

from collections.abc import Iterator

import numpy as np

from tasks.premium.inference.decompose import Decompositions
from tasks.schemas.estimates import FITS, WITHOUT_JACKKNIFE, Estimate, FitName

FIGURES = (
    *("on", "off", "date_disjoint", "disjoint", "matched", "walk_forward"),
    *("premium", "date_disjoint_premium", "shared_day_effect"),
)
DIFFERENCES = ("lookahead", "gain", "reduction", "date_disjoint_reduction", "walk_forward")
COLUMNS = ("point", "low", "high", "jackknife_low", "jackknife_high")
Line = dict[str, object]
"""A line of the table."""


def fit_lines(robust: Decompositions) -> Iterator[Line]:
    """A line for each figure of each model and pair under each fit."""
    for fit in FITS:
        found = robust.fit(fit)
        for names, by_model in ((FIGURES, found.models), (DIFFERENCES, found.differences)):
            for model, own in by_model.items():
                yield from (_estimate_line(fit, model, name, getattr(own, name)) for name in names)


def _estimate_line(fit: FitName, model: str, figure: str, found: Estimate) -> Line:
    own = (fit, model, figure, found.point, found.interval)
    if figure in WITHOUT_JACKKNIFE:
        return line(*own, why_none="" if found.interval else found.why_none, is_wide=found.is_wide)
    return line(*own, found.jackknife, found.why_none, found.is_wide)


def line(
    fit: str,
    model: str,
    figure: str,
    point: float | None,
    interval: tuple[float, float] | None = None,
    jackknife: tuple[float, float] | None = None,
    why_none: str = "",
    is_wide: bool = False,
) -> Line:
    """A line; what a figure lacks is missing."""
    cells = (point, *(interval or (None, None)), *(jackknife or (None, None)))
    numbers = {name: np.nan if cell is None else cell for name, cell in zip(COLUMNS, cells, strict=True)}
    return {"fit": fit, "model": model, "figure": figure, **numbers, "is_wide": is_wide, "why_none": why_none}
