"""Figures of a line's page: the looks' differences, the watch's statistic, and other policies beside what was done."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import MaxNLocator

from tasks.common.text import Row, bounds, signed
from tasks.report.figures.drawing import AMBER, BLUE, GREEN, GREY, INK, ORANGE, PAPER, WASH, Plot, drawing
from tasks.report.line.tables import clock, decisive, kept, live_days_of_swaps
from tasks.schemas.live import LinePage, LiveLook, WatchRecord

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
        _show_days(axes)
        axes.set_ylabel("evidence of a loss")
    rows = [
        {"last day": str(own.last_day), "live days": f"{own.n_days:,}", "evidence": f"{own.evidence:.3g}"}
        for own in counted
    ]
    return Plot(drawn.svg, rows)


def policies(page: LinePage) -> Plot | None:
    """What never and always updating would have scored less what was done, with the intervals of watch and gate."""
    swaps, looks = live_days_of_swaps(page), kept(page)
    if not swaps and not looks:
        return None
    with drawing(height=3.0) as drawn:
        axes = drawn.axes
        axes.axhline(0, color=INK, linewidth=1.5, zorder=1)
        rows = [row for swap in swaps for row in _never(axes, swap)]
        rows += [_always(axes, look) for look in looks]
        _show_days(axes)
        axes.set_ylabel("policy less what was done")
    return Plot(drawn.svg, rows)


def _never(axes: Axes, swap: Sequence[WatchRecord]) -> list[Row]:
    """The version before a swap in its place, on all live days since then."""
    days = [float(date2num(own.last_day)) for own in swap]
    # An interval that is not known is the widest: a difference of two scores.
    ends = [own.interval or (-1.0, 1.0) for own in swap]
    axes.fill_between(days, [low for low, _ in ends], [high for _, high in ends], color=WASH, linewidth=0, zorder=0)
    axes.plot(days, [float(own.difference or 0) for own in swap], color=BLUE, marker="o", markersize=4)
    return [
        {
            "policy": f"never: {own.previous} in place of {own.current}",
            "up to": str(own.last_day),
            "difference": signed(own.difference),
            "interval": bounds(own.interval),
        }
        for own in swap
    ]


def _always(axes: Axes, look: LiveLook) -> Row:
    """A candidate that was kept in place of production, on the hold-out before it would have come."""
    own, day = decisive(look.gate), float(date2num(look.gate.last_day))
    if own.interval:
        axes.plot([day, day], own.interval, color=ORANGE, linewidth=2, solid_capstyle="round")
    axes.plot([day], [own.difference], marker="s", markersize=6, color=PAPER, mec=ORANGE, mew=2)
    return {
        "policy": f"always: {look.candidate} in place of {look.production}",
        "up to": str(look.gate.last_day),
        "difference": signed(own.difference),
        "interval": bounds(own.interval),
    }


def _show_days(axes: Axes) -> None:
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=7))
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
