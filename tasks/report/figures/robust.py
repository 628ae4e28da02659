"""Figures of the robust scores: premiums, decomposition, controls. A figure without any number is not drawn."""

from markupsafe import Markup
from matplotlib.lines import Line2D

from tasks.report.figures.drawing import GREY, MODEL_COLOURS, OCHRE, drawing, interval_rows, mark, name_rows
from tasks.report.tables.decomposition import models_of
from tasks.report.tables.robust import CONTROL_NAMES, KNOWS_NOTHING, control_name
from tasks.schemas.scores import RobustScores

PARTS = {"on": "R2 on", "shared_day_effect": "shared-day effect", "disjoint": "R2 disjoint"}
"""on = shared-day effect + disjoint."""
MODEL_OFFSET = 0.24
"""Distance between the marks of two models in one row."""


def premiums(robust: RobustScores) -> Markup | None:
    """Premium of each model and the reduction, with their two-way intervals."""
    estimates = {name: parts.premium for name, parts in models_of(robust).items()} | {"reduction": robust.reduction}
    rows = {name: (found.point, found.two_way) for name, found in estimates.items() if found.point is not None}
    return interval_rows(rows, "R2 on - R2 off, purged") if rows else None


def decomposition(robust: RobustScores) -> Markup | None:
    """R2 on of each model as the sum of the shared-day effect and R2 disjoint."""
    models = models_of(robust)
    if all(getattr(parts, figure).point is None for parts in models.values() for figure in PARTS):
        return None
    with drawing(height=2.5 + 0.3 * len(models)) as drawn:
        for row, figure in enumerate(PARTS):
            for number, (name, parts) in enumerate(models.items()):
                height = row + MODEL_OFFSET * (number - (len(models) - 1) / 2)
                found = getattr(parts, figure)
                mark(drawn.axes, height, found.point, found.two_way, MODEL_COLOURS[name])
        name_rows(drawn.axes, list(PARTS.values()))
        drawn.axes.set_xlabel("R2")
        handles = [Line2D([], [], color=MODEL_COLOURS[name], linewidth=3, label=name) for name in models]
        drawn.figure.legend(handles=handles, loc="outside lower center", ncols=len(models), frameon=False)
    return drawn.svg


def controls(robust: RobustScores) -> Markup | None:
    """The models' premiums beside those of the controls."""
    points = {control_name(control): control.premium for control in robust.controls if control.premium is not None}
    models = {name: parts.premium for name, parts in models_of(robust).items() if parts.premium.point is not None}
    names = [*models, *points]
    if not names:
        return None
    with drawing(height=0.8 + 0.33 * len(names)) as drawn:
        for height, (name, found) in enumerate(models.items()):
            mark(drawn.axes, height, found.point, found.two_way, MODEL_COLOURS[name])
        for height, (name, point) in enumerate(points.items(), start=len(models)):
            colour = OCHRE if name == CONTROL_NAMES[KNOWS_NOTHING] else GREY
            drawn.axes.plot([0, point], [height, height], color=colour, linewidth=1)
            drawn.axes.plot([point], [height], marker="D", markersize=7, color=colour)
        name_rows(drawn.axes, names)
        drawn.axes.set_xlabel("premium: R2 on - R2 off, purged")
    return drawn.svg
