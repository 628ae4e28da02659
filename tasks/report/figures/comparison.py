"""Figure of one headline figure of several runs."""

from collections.abc import Sequence

from tasks.report.figures.drawing import BLUE, GREY, Plot, drawing, mark, name_rows, row_of
from tasks.schemas.estimates import CO_PRIMARY, FitName
from tasks.schemas.results import QuotedFigure

LOOKS: dict[FitName, tuple[str, str]] = {"unscaled": (GREY, "o"), "standardized": (BLUE, "s")}
"""Colour and mark of each co-primary fit."""


def by_run(figures: Sequence[tuple[str, QuotedFigure]]) -> Plot | None:
    """A row per run and pair with a mark per co-primary fit.

    Args:
        figures: The row's name and one of its figures; several of one name share a row.
    """
    shown = [(name, own) for name, own in figures if own.point is not None]
    names = list(dict.fromkeys(name for name, _ in shown))
    if not names:
        return None
    with drawing(height=0.9 + 0.42 * len(names)) as drawn:
        for name, own in shown:
            colour, marker = LOOKS[own.fit]
            height = names.index(name) + 0.2 * (CO_PRIMARY.index(own.fit) - 0.5)
            mark(drawn.axes, height, own.point, own.ends, colour, marker=marker)
        name_rows(drawn.axes, names)
        drawn.axes.set_xlabel("R2; circle, grey: unscaled; square: standardized columns")
    return Plot(drawn.svg, [row_of(f"{name}, {own.fit}", own.point, own.ends) for name, own in shown])
