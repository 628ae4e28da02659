"""The ladder's figure: premiums over the cutoffs, with the flat line and the tent that fits them best."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import date2num

from tasks.common.text import DASH, Row, bounds, signed
from tasks.report.figures.drawing import AMBER, BLUE, GREY, INK, PAPER, Plot, drawing
from tasks.schemas.ladders import Ladder, LadderCourse


def course(ladder: Ladder, cut: date, reference: Sequence[tuple[date, float]]) -> Plot | None:
    """The premium of every rung under the reference's fit; nothing without a fit.

    Args:
        ladder: Rungs, slopes and the tent of r = 1.
        cut: Last day of the chronological train side.
        reference: Cutoffs and premiums of the reference's own ladder, on another panel.
    """
    if "unscaled" not in ladder.fits:
        return None
    found = ladder.fits["unscaled"].courses["premium"]
    with drawing(height=3.4) as drawn:
        axes = drawn.axes
        axes.axhline(found.mean, color=GREY, linewidth=1.5, label="flat: the rungs' mean")
        if found.share.point is not None:
            level = found.mean - found.share.point * sum(found.expected) / len(found.expected)
            heights = [level + found.share.point * point.premium for point in ladder.tent]
            label = f"tent of r = {found.share.point:+z.4f}, of the premium alone"
            axes.plot(_days(point.day for point in ladder.tent), heights, color=BLUE, linewidth=1.5, label=label)
        for day, own in zip(_days(rung.cutoff for rung in ladder.rungs), found.rungs, strict=True):
            if own.interval:
                axes.plot([day, day], own.interval, color=BLUE, linewidth=3, solid_capstyle="round")
        _marks(axes, ((rung.cutoff, own.point) for rung, own in zip(ladder.rungs, found.rungs, strict=True)), "rung")
        _marks(axes, reference, "reference's")
        axes.xaxis_date()
        axes.axvline(_days([cut])[0], color=INK, linewidth=1, linestyle=(0, (4, 3)))
        at: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        axes.annotate(f"cut {cut}", (_days([cut])[0], 0), (-5, 3), ha="right", color=INK, **at)
        axes.set_xlabel("cutoff")
        axes.set_ylabel("premium, columns unscaled")
        drawn.figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return Plot(drawn.svg, _rows(ladder, found, reference))


def _rows(ladder: Ladder, found: LadderCourse, reference: Iterable[tuple[date, float]]) -> list[Row]:
    own = [
        (rung.model, rung.cutoff, signed(figure.point), bounds(figure.interval), f"{expected:+.2f} r")
        for rung, figure, expected in zip(ladder.rungs, found.rungs, found.expected, strict=True)
    ]
    others = [("reference", day, signed(premium), DASH, DASH) for day, premium in reference]
    columns = ("model", "cutoff", "premium", "95 %", "expected")
    return [dict(zip(columns, map(str, values), strict=True)) for values in [*own, *others]]


def _marks(axes: Axes, points: Iterable[tuple[date, float | None]], label: str) -> None:
    found = [(day, value) for day, value in points if value is not None]
    marker, face, edge, width = ("o", PAPER, BLUE, 2.5) if label == "rung" else ("D", "none", AMBER, 1.5)
    heights = [value for _, value in found]
    axes.plot(
        _days(day for day, _ in found), heights, marker, markersize=7, color=face, mec=edge, mew=width, label=label
    )


def _days(days: Iterable[date]) -> list[float]:
    """Matplotlib's numbers of days."""
    return [float(date2num(day)) for day in days]
