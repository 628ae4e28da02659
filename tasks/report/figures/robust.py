"""Figures of the robust scores: headline, protocols, decomposition, controls, power.

A figure without any number is not drawn.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.lines import Line2D

from tasks.report.figures.drawing import (
    BLUE,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    Plot,
    drawing,
    mark,
    model_colours,
    model_markers,
    name_rows,
    row_of,
)
from tasks.report.tables.decomposition import FIGURES, SCHEME_OF, models_of
from tasks.report.tables.robust import CONTROL_NAMES, KNOWS_NOTHING, control_name
from tasks.schemas.estimates import CO_PRIMARY, FitName
from tasks.schemas.scores import RobustScores

PARTS = {"matched": "R2 on, matched", "shared_day_effect": "shared-day effect", "disjoint": "R2 disjoint"}
"""matched = shared-day effect + disjoint."""
PROTOCOLS = ("on", "matched", "date_disjoint", "disjoint", "off")
N_SHOWN = 10
"""Points of a curve in its table."""
MODEL_OFFSET = 0.24
"""Distance between the marks of two models in one row, where they have space."""
FIT_STYLES: dict[FitName, tuple[int, tuple[int, ...]]] = {"unscaled": (0, (4, 2)), "standardized": (0, ())}
METRIC_COLOURS = {"lookahead": BLUE, "gain": ORANGE}


def headline(robust: RobustScores) -> Plot | None:
    """Differences of R2 disjoint and of R2 off under every fit; the co-primary ones in colour.

    Of several pairs, the co-primary fits alone.
    """
    is_one = len(robust.pairs) == 1
    rows = [
        (
            f"{scheme}, {fit}" if is_one else f"{pair}: {scheme}, {fit}",
            getattr(own, metric),
            METRIC_COLOURS[metric] if fit in CO_PRIMARY else GREY,
        )
        for pair in robust.pairs
        for metric, scheme in SCHEME_OF.items()
        for fit, own in robust.difference(pair).items()
        if is_one or fit in CO_PRIMARY
    ]
    rows = [(name, found, colour) for name, found, colour in rows if found and found.point is not None]
    if not rows:
        return None
    with drawing(height=0.8 + 0.32 * len(rows)) as drawn:
        for height, (_, found, colour) in enumerate(rows):
            mark(drawn.axes, height, found.point, found.interval, colour)
        name_rows(drawn.axes, [name for name, _, _ in rows])
        drawn.axes.set_xlabel(next(iter(robust.pairs)) if is_one else "first - second model of the pair")
    return Plot(drawn.svg, [row_of(name, found.point, found.interval) for name, found, _ in rows])


def protocols(robust: RobustScores) -> Plot | None:
    """R2 of each model under each protocol, from the one that shares most with the train side to the strictest."""
    return _by_model(robust, {name: FIGURES[name][0] for name in PROTOCOLS})


def decomposition(robust: RobustScores) -> Plot | None:
    """R2 on of each model, at the size of disjoint, as the sum of the shared-day effect and R2 disjoint."""
    return _by_model(robust, PARTS)


def _by_model(robust: RobustScores, names: Mapping[str, str]) -> Plot | None:
    """A row per figure with a mark per model, columns standardized."""
    models = models_of(robust)
    found = {name: {figure: getattr(parts, figure) for figure in names} for name, parts in models.items()}
    if all(own is None or own.point is None for parts in found.values() for own in parts.values()):
        return None
    colours, markers = model_colours(models), model_markers(models)
    offset = min(MODEL_OFFSET, 0.8 / len(models))
    with drawing(height=0.9 + len(names) * (0.3 + 0.12 * len(models))) as drawn:
        for row, figure in enumerate(names):
            for number, (name, parts) in enumerate(found.items()):
                height = row + offset * (number - (len(models) - 1) / 2)
                if own := parts[figure]:
                    mark(drawn.axes, height, own.point, own.interval, colours[name], marker=markers[name])
        name_rows(drawn.axes, list(names.values()))
        drawn.axes.set_xlabel("R2, columns standardized")
        drawn.figure.legend(
            handles=[_legend(name, colours[name], markers[name]) for name in models],
            loc="outside lower center",
            ncols=min(len(models), 4),
            frameon=False,
        )
    rows = [
        row_of(f"{label}, {name}", own.point, own.interval)
        for figure, label in names.items()
        for name, parts in found.items()
        if (own := parts[figure])
    ]
    return Plot(drawn.svg, rows)


def _legend(name: str, colour: str, marker: str) -> Line2D:
    return Line2D(
        [], [], color=colour, linewidth=3, marker=marker, markerfacecolor=PAPER, markeredgewidth=2, label=name
    )


def controls(robust: RobustScores, fit: FitName) -> Plot | None:
    """The models' premiums beside those of the controls."""
    found = {control_name(control): control.fits.get(fit) for control in robust.controls}
    points = {name: own.premium for name, own in found.items() if own and own.premium is not None}
    models = {name: parts.premium for name, parts in models_of(robust, fit).items() if parts.premium.point is not None}
    names, colours = [*models, *points], model_colours(models_of(robust, fit))
    if not names:
        return None
    with drawing(height=0.8 + 0.33 * len(names)) as drawn:
        for height, (name, estimate) in enumerate(models.items()):
            mark(drawn.axes, height, estimate.point, estimate.interval, colours[name])
        for height, (name, point) in enumerate(points.items(), start=len(models)):
            colour = ORANGE if name == CONTROL_NAMES[KNOWS_NOTHING] else GREY
            drawn.axes.plot([0, point], [height, height], color=colour, linewidth=1)
            drawn.axes.plot([point], [height], marker="D", markersize=7, color=colour)
        name_rows(drawn.axes, names)
        drawn.axes.set_xlabel(f"premium: R2 on - R2 off, purged, columns {fit}")
    of_models = [row_of(name, own.point, own.interval) for name, own in models.items()]
    return Plot(drawn.svg, [*of_models, *(row_of(f"{name} (control)", point, None) for name, point in points.items())])


def power(robust: RobustScores) -> Plot | None:
    """Probability of finding an effect over its size, a curve per headline figure and co-primary fit of one pair."""
    curves = [own for pair in robust.pairs.values() for own in pair.power if own.metric in METRIC_COLOURS]
    if not curves or len(robust.pairs) > 1:
        return None
    effects = np.linspace(0, 1.5 * max(own.smallest_detectable for own in curves), 121)
    with drawing(height=2.6) as drawn:
        axes = drawn.axes
        for own in curves:
            found = [own.detection(effect) for effect in effects]
            label = f"{own.metric}, {own.fit}"
            axes.plot(effects, found, color=METRIC_COLOURS[own.metric], linestyle=FIT_STYLES[own.fit], label=label)
        axes.axhline(0.8, color=LINE, linewidth=1, zorder=0)
        axes.annotate(" 80 %", (0, 0.8), xycoords=("axes fraction", "data"), va="bottom", color=INK)
        axes.set_ylim(0, 1.02)
        axes.margins(x=0)
        axes.set_xlabel("true distance from zero, in R2")
        axes.set_ylabel("probability of finding it")
        drawn.figure.legend(loc="outside lower center", ncols=2, frameon=False)
    rows = [
        {"true distance": f"{effect:.4f}"}
        | {f"{own.metric}, {own.fit}": f"{own.detection(effect):.2f}" for own in curves}
        for effect in effects[:: len(effects) // N_SHOWN]
    ]
    return Plot(drawn.svg, rows)
