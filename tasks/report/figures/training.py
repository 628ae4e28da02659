"""Figures of the training: its documents over time with the cutoff, and its loss."""

from calendar import monthrange
from collections import Counter
from collections.abc import Mapping
from datetime import date

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from tasks.common.text import Row
from tasks.report.figures.drawing import BLUE, INK, ORANGE, Plot, drawing
from tasks.report.tables.provenance import Curve

MONTH = 1 / 12
MAX_YEARS_BY_MONTH = 12
"""A corpus that spans more years is drawn by year: a month's bar would be thinner than a line."""
LINE_STYLES = ("-", (0, (4, 2)), (0, (1, 1)))
MAX_MARKED_POINTS = 40
"""A loss curve with as many points is drawn without markers."""
MAX_ROWS = 20
"""Points of a loss curve in its table."""


def documents_over_time(by_month: Mapping[str, int], cutoff: str, side: str) -> Plot | None:
    """A bar per month, or per year over a long time, and a line at the end of the cutoff day.

    Args:
        by_month: Documents by `YYYY-MM`.
        cutoff: ISO day.
        side: `known` or `after`: on which side of the cutoff the documents are.
    """
    if not by_month:
        return None
    bars = _bars(by_month)
    cut = _end_of(date.fromisoformat(cutoff))
    known = side == "known"
    with drawing(height=2.3) as drawn:
        axes = drawn.axes
        # The bar of the cutoff's month ends, or begins, at the cutoff: it covers only days that it counts.
        lefts = [start if known else max(start, min(cut, end)) for start, end, _ in bars]
        rights = [min(end, max(cut, start)) if known else end for start, end, _ in bars]
        widths = [right - left for left, right in zip(lefts, rights, strict=True)]
        axes.bar(lefts, [n for _, _, n in bars], width=widths, align="edge", color=BLUE, linewidth=0)
        axes.axvline(cut, color=ORANGE, linewidth=1.5, linestyle=(0, (4, 2)))
        _label_cutoff(axes, cut, f"cutoff {cutoff}", known)
        axes.margins(x=0.02)
        axes.set_ylim(top=1.18 * max(n for _, _, n in bars))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_formatter(EngFormatter(sep=" "))
        span = "year" if bars[0][1] - bars[0][0] > MONTH else "month"
        axes.set_ylabel(f"documents per {span}")
    return Plot(drawn.svg, _rows_of(bars, span))


def training_loss(curves: Mapping[str, Curve]) -> Plot:
    """Loss over the tokens seen, a line per training label."""
    with drawing(height=2.2) as drawn:
        for number, (name, curve) in enumerate(curves.items()):
            tokens, losses = zip(*curve, strict=True)
            style = LINE_STYLES[number % len(LINE_STYLES)]
            marker = "o" if len(curve) < MAX_MARKED_POINTS else ""
            drawn.axes.plot(tokens, losses, color=BLUE, linestyle=style, marker=marker, markersize=3, label=name)
        if len(curves) > 1:
            drawn.axes.legend(frameon=False)
        drawn.axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
        drawn.axes.set_xlabel("tokens seen")
        drawn.axes.set_ylabel("loss, nats per token")
    rows = [
        {"training": name, "tokens seen": f"{tokens:,.0f}", "loss": f"{loss:.4f}"}
        for name, curve in curves.items()
        for tokens, loss in _thinned(curve)
    ]
    return Plot(drawn.svg, rows)


def _thinned(curve: Curve) -> Curve:
    """At most so many points of a curve as its table shows, the first and the last among them."""
    step = -(-len(curve) // MAX_ROWS)
    return [*curve[:-1:step], curve[-1]]


def _bars(by_month: Mapping[str, int]) -> list[tuple[float, float, int]]:
    """Start and end of each bar in years, and its documents; there is a gap between months, none between years."""
    months = {(int(month[:4]), int(month[5:7])): n for month, n in by_month.items()}
    years = [year for year, _ in months]
    if max(years) - min(years) <= MAX_YEARS_BY_MONTH:
        starts = {year + (month - 1) * MONTH: n for (year, month), n in months.items()}
        return [(start, start + 0.86 * MONTH, n) for start, n in starts.items()]
    by_year: Counter[int] = Counter()
    for (year, _), n in months.items():
        by_year[year] += n
    return [(year, year + 1, n) for year, n in by_year.items()]


def _rows_of(bars: list[tuple[float, float, int]], span: str) -> list[Row]:
    names = [f"{start:.0f}" if span == "year" else _month_of(start) for start, _, _ in bars]
    return [{span: name, "documents": f"{n:,}"} for name, (_, _, n) in zip(names, bars, strict=True)]


def _month_of(start: float) -> str:
    year, month = divmod(round(start / MONTH), 12)
    return f"{year}-{month + 1:02}"


def _end_of(day: date) -> float:
    """The end of a day in years, with months of equal length."""
    n_days = monthrange(day.year, day.month)[1]
    return day.year + (day.month - 1 + day.day / n_days) * MONTH


def _label_cutoff(axes: Axes, cut: float, label: str, known: bool) -> None:
    axes.annotate(
        label,
        (cut, 1),
        xytext=(-5 if known else 5, -3),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if known else "left",
        va="top",
        color=INK,
    )
