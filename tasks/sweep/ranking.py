"""Variations in order of a figure, and what may be said of the order."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.sweep.comparison import Comparison, Drawn, compare
from tasks.sweep.figures import Figure, Metric


@dataclass(frozen=True)
class Entry:
    """A variation and the figure it is ranked by.

    Args:
        name: The variation.
        figure: With its reason where there is none.
        panel: What its draws are draws of: two with the same were drawn alike. Empty where there are none.
        drawn: The figure on each draw.
    """

    name: str
    figure: Figure
    panel: str = ""
    drawn: Drawn | None = None


@dataclass(frozen=True)
class Ranked:
    """A variation at its place.

    Args:
        entry: Name and figure.
        place: From 1; equal figures share one. None where there is no figure.
        difference: To the best one, as `best - this` or `this - best`, whichever is above zero where the best is
            better; with its ends, which hold for all pairs at once. None for the best one and where draws are not
            shared.
        is_told_apart: From the best one; None for the best itself and where there is no figure or no interval.
    """

    entry: Entry
    place: int | None
    difference: tuple[float, float, float] | None = None
    is_told_apart: bool | None = None


@dataclass(frozen=True)
class Ranking:
    """All variations, best first, those without a figure last.

    Args:
        rows: In order.
        luck: By how much the best one is expected to look better than it is; None where draws are not shared by all.
        n_draws: Draws that all compared ones share; 0 where none are.
    """

    rows: list[Ranked]
    luck: float | None
    n_draws: int


def rank(entries: Sequence[Entry], metric: Metric) -> Ranking:
    """Order variations by a figure, and hold each against the best.

    Where both were drawn alike, they are told apart if the interval of their difference leaves zero out; it is of the
    same draws, so that what they share cancels, and as wide as all pairs together need, so that it holds for a best
    one that these figures have chosen. Otherwise they are told apart if their own intervals do not overlap.

    Args:
        entries: In any order.
        metric: Its sign says which end is first.
    """
    scored = sorted(
        (entry for entry in entries if entry.figure.point is not None),
        key=lambda entry: (-metric.sign * _point(entry), entry.name),
    )
    missing = [Ranked(entry, None) for entry in entries if entry.figure.point is None]
    if not scored:
        return Ranking(missing, None, 0)
    best = scored[0]
    alike = {entry.name: entry.drawn for entry in scored if entry.drawn and entry.panel and entry.panel == best.panel}
    compared = compare(alike)
    width = compared.width if compared else 0.0
    rows = [_ranked(entry, best, scored, metric, compared, width) for entry in scored]
    holds_all = compared is not None and len(alike) == len(scored)
    luck = compared.luck_of_the_best(metric.sign) if compared and holds_all else None
    return Ranking([*rows, *missing], luck, len(compared.centred) if compared else 0)


def _ranked(
    entry: Entry, best: Entry, scored: Sequence[Entry], metric: Metric, compared: Comparison | None, width: float
) -> Ranked:
    place = 1 + sum(metric.sign * (_point(other) - _point(entry)) > 0 for other in scored)
    if entry is best:
        return Ranked(entry, place)
    if compared is None or not {entry.name, best.name} <= set(compared.names):
        return Ranked(entry, place, None, _are_apart(entry.figure.ends, best.figure.ends))
    better, worse = (best, entry) if metric.sign > 0 else (entry, best)
    difference = compared.difference(better.name, worse.name, width)
    return Ranked(entry, place, difference, difference[1] > 0)


def _are_apart(ends: tuple[float, float] | None, others: tuple[float, float] | None) -> bool | None:
    if ends is None or others is None:
        return None
    return ends[1] < others[0] or others[1] < ends[0]


def _point(entry: Entry) -> float:
    if entry.figure.point is None:
        raise ValueError(f"{entry.name} has no figure to be ranked by")
    return entry.figure.point
