"""Figures of the recall probes: bits per byte over days, their differences, and recall by question."""

from collections.abc import Mapping
from datetime import date, timedelta

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.lines import Line2D

from tasks.common.text import Row
from tasks.report.figures.drawing import (
    GREY,
    LINE,
    Drawing,
    Plot,
    drawing,
    mark,
    model_colours,
    model_markers,
    name_rows,
    row_of,
)
from tasks.schemas.probe import Variant
from tasks.schemas.recall import ChangePoint, Curve, Period, Recall

HALF_A_PERIOD: dict[Period, timedelta] = {
    "month": timedelta(days=15),
    "quarter": timedelta(days=46),
    "year": timedelta(days=183),
}
CHANCE = 0.5


def curves(found: Recall) -> Plot | None:
    """Bits per byte of each model by period; band: where its change point lies; dotted: stated cutoffs."""
    return _plot({name: own.curve for name, own in found.models.items()}, found.period, "bits per byte")


def differences(found: Recall) -> Plot | None:
    """The same of each pair."""
    own = {name: own.curve for name, own in found.pairs.items()}
    return _plot(own, found.period, "difference, bits per byte", has_zero=True)


def recall_by_variant(found: Recall, names: Mapping[Variant, str]) -> Plot | None:
    """AUC of each model by question, with intervals by date."""
    models = [name for name, own in found.models.items() if own.questions]
    if not models:
        return None
    colours, markers, offset = model_colours(models), model_markers(models), min(0.24, 0.8 / len(models))
    variants = list(found.models[models[0]].questions)
    rows: list[Row] = []
    with drawing(height=1.2 + 0.5 * len(variants)) as drawn:
        for row, variant in enumerate(variants):
            for number, name in enumerate(models):
                auc = found.models[name].questions[variant].overall.auc
                height = row + offset * (number - (len(models) - 1) / 2)
                mark(drawn.axes, height, auc.point, auc.by_date, colours[name], marker=markers[name])
                rows.append(row_of(f"{names[variant]}, {name}", auc.point, auc.by_date))
        name_rows(drawn.axes, [names[variant] for variant in variants])
        drawn.axes.axvline(CHANCE, color=LINE, linewidth=1, zorder=0)
        drawn.axes.set_xlim(*_around_chance(found))
        drawn.axes.set_xlabel("AUC")
        _legend(drawn, colours)
    return Plot(drawn.svg, rows)


def _around_chance(found: Recall) -> tuple[float, float]:
    """Ends of the axis: all intervals and points, and chance."""
    figures = [one.overall.auc for own in found.models.values() for one in own.questions.values()]
    shown = [CHANCE, *(end for one in figures for end in (one.point, *(one.by_date or ())) if end is not None)]
    return min(shown) - 0.03, max(shown) + 0.03


def _plot(named: Mapping[str, Curve], period: Period, label: str, has_zero: bool = False) -> Plot | None:
    if not any(curve.periods for curve in named.values()):
        return None
    colours, markers, rows = model_colours(named), model_markers(named), []
    with drawing(height=3.2) as drawn:
        axes = drawn.axes
        if has_zero:
            axes.axhline(0, color=LINE, linewidth=1, zorder=0)
        for name, curve in named.items():
            _change(axes, curve.change, colours[name])
            _cutoff(axes, curve.cutoff)
            rows += _line(axes, name, curve, HALF_A_PERIOD[period], colours[name], markers[name])
        axes.set_ylabel(label)
        axes.margins(x=0.02)
        axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=9))
        axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
        _legend(drawn, colours)
    return Plot(drawn.svg, rows)


def _line(axes: Axes, name: str, curve: Curve, half: timedelta, colour: str, marker: str) -> list[Row]:
    shown = [own for own in curve.periods if own.rate.point is not None]
    days = [date2num(own.first + half) for own in shown]
    axes.plot(
        days, [own.rate.point or 0.0 for own in shown], color=colour, marker=marker, markersize=3.5, linewidth=1.2
    )
    ranges = [(day, *own.rate.interval) for day, own in zip(days, shown, strict=True) if own.rate.interval]
    if ranges:
        at, lows, highs = zip(*ranges, strict=True)
        axes.vlines(at, lows, highs, color=colour, linewidth=1, alpha=0.55)
    return [
        {"from": str(own.first), **row_of(name, own.rate.point, own.rate.interval), "documents": f"{own.n_documents:,}"}
        for own in curve.periods
    ]


def _change(axes: Axes, change: ChangePoint, colour: str) -> None:
    if change.day and change.interval:
        axes.axvspan(*map(date2num, change.interval), color=colour, alpha=0.12, linewidth=0)
        axes.axvline(date2num(change.day), color=colour, linewidth=1.4)


def _cutoff(axes: Axes, cutoff: date | None) -> None:
    if cutoff:
        axes.axvline(date2num(cutoff), color=GREY, linewidth=1, linestyle=(0, (1, 2)))


def _legend(drawn: Drawing, colours: Mapping[str, str]) -> None:
    shapes = model_markers(colours)
    handles = [
        Line2D([], [], color=colour, marker=shapes[name], linewidth=2, label=name) for name, colour in colours.items()
    ]
    drawn.figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 3), frameon=False)
