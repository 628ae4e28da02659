"""Figures of direction forecasts as text: shares, differences of shares and hundredths of a percent, with intervals."""

from collections.abc import Callable, Iterable

from tasks.common.text import DASH
from tasks.report.text import Cell, Missing
from tasks.schemas.direction import Figure


def share(value: float | None) -> str:
    """A share or a score: three decimals, 0.498."""
    return DASH if value is None else f"{value:.3f}"


def points(value: float | None) -> str:
    """A difference of two shares: +0.137."""
    return DASH if value is None else f"{value:+z.3f}"


def bps(value: float | None) -> str:
    """Hundredths of a percent: +21.8."""
    return DASH if value is None else f"{value:+z.1f}"


Write = Callable[[float | None], str]
"""How a figure is written: `share`, `points` or `bps`."""


def ends(interval: tuple[float, float] | None, write: Write = share) -> str:
    """The two ends of a 95 % interval, written as its figure is."""
    return DASH if interval is None else f"[{write(interval[0])}, {write(interval[1])}]"


def with_ends(figure: Figure | None, write: Write = share) -> str:
    """A figure and, where it has one, its interval by date."""
    if figure is None or figure.by_date is None:
        return write(figure.point if figure else None)
    return f"{write(figure.point)} {ends(figure.by_date, write)}"


def lines(figure: Figure, write: Write = share) -> Cell:
    """A figure and, below it, both intervals."""
    if figure.by_date is None:
        return [write(figure.point)]
    return [write(figure.point), f"{ends(figure.by_date, write)} by date", f"{ends(figure.two_way, write)} two-way"]


def counts(numbers: Iterable[int]) -> list[Cell]:
    """A cell per number."""
    return [[f"{number:,}"] for number in numbers]


def missing_of(what: str, figure: Figure) -> list[Missing]:
    """Why a figure, or its interval, is missing; none where nothing is."""
    return [(what, figure.why_none)] if figure.why_none else []
