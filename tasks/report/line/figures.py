"""Figures of a line's page: the looks' differences, and the watch's statistic."""

from collections.abc import Sequence

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import MaxNLocator

from tasks.common.text import Row, bounds, signed
from tasks.report.figures.drawing import AMBER, BLUE, GREEN, GREY, INK, PAPER, Plot, drawing
from tasks.report.line.tables import clock, decisive
from tasks.schemas.live import LiveLook, WatchRecord

LEAST_EVIDENCE = 1e-3
"""Where the axis of the watch's statistic begins; smaller values are drawn there."""


def differences(looks: Sequence[LiveLook]) -> Plot | None:
    """Candidate less production with its interval at each look's level; a dash at what is detectable."""
    if not looks:
        return None
    rows: list[Row] = []
    with drawing(height=3.0) as drawn:
        axes = drawn.axes
        axes.axhline(looks[-1].gate.margin, color=GREY, linewidth=1, zorder=0)
        for look in looks:
            own, at = decisive(look.gate), look.gate.look
            colour, marker = (GREEN, "s") if look.gate.verdict == "promote" else (BLUE, "o")
            if own.interval:
                axes.plot([at, at], own.interval, color=colour, linewidth=2, solid_capstyle="round")
            if look.gate.smallest_detectable is not None:
                axes.plot([at], [look.gate.smallest_detectable], marker="_", markersize=10, mew=2, color=AMBER)
            axes.plot([at], [own.difference], marker=marker, markersize=6, color=PAPER, mec=colour, mew=2)
            rows.append(
                {
                    "look": f"{at}, {clock(look.at)}",
                    "difference": signed(own.difference),
                    "interval": bounds(own.interval),
                }
            )
        axes.set_xlabel("look")
        axes.set_ylabel(f"{looks[-1].gate.decided_by}, candidate less production")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
        axes.set_xlim(min(own.gate.look for own in looks) - 0.5, max(own.gate.look for own in looks) + 0.5)
    return Plot(drawn.svg, rows)


def watch(records: Sequence[WatchRecord]) -> Plot | None:
    """The statistic of one swap over its live days, with the boundary at which it is undone."""
    counted = [own for own in records if own.last_day]
    if not counted:
        return None
    with drawing(height=2.6) as drawn:
        axes = drawn.axes
        days = [float(date2num(own.last_day)) for own in counted]
        axes.plot(days, [max(own.evidence, LEAST_EVIDENCE) for own in counted], color=BLUE, marker="o", markersize=4)
        axes.axhline(counted[-1].boundary, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.axhline(1, color=GREY, linewidth=1, zorder=0)
        axes.set_yscale("log")
        axes.set_ylim(LEAST_EVIDENCE / 2, max(counted[-1].boundary, *(own.evidence for own in counted)) * 3)
        axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=7))
        axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
        axes.set_ylabel("evidence of a loss")
    rows = [
        {"last day": str(own.last_day), "live days": f"{own.n_days:,}", "evidence": f"{own.evidence:.3g}"}
        for own in counted
    ]
    return Plot(drawn.svg, rows)
