"""Variations ordered by a figure, each compared with the best one."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.sweep.comparison import Comparison, FigureDraws, compare
from tasks.sweep.figures import Figure, Metric


@dataclass(frozen=True)
class Candidate:
    """A variation and the figure it is ranked by.

    Args:
        name: The variation.
        figure: With a reason if it is undefined.
        draws_key: Candidates with the same key share their draws; empty without draws.
        draws: The figure on each draw.
    """

    name: str
    figure: Figure
    draws_key: str = ""
    draws: FigureDraws | None = None

    @property
    def point(self) -> float:
        """The figure on all rows.

        Raises:
            ValueError: If it is undefined.
        """
        if self.figure.point is None:
            raise ValueError(f"{self.name} has no figure to be ranked by")
        return self.figure.point


@dataclass(frozen=True)
class Ranked:
    """A candidate with its place.

    Args:
        candidate: Name and figure.
        place: From 1; equal figures share one. None where there is no figure.
        difference: To the best one, positive where the best is better, with the ends of an interval that holds for all
            pairs at once. None for the best one and where draws are not shared.
        differs_from_best: None for the best one and where there is no figure or no interval.
    """

    candidate: Candidate
    place: int | None
    difference: tuple[float, float, float] | None = None
    differs_from_best: bool | None = None


@dataclass(frozen=True)
class Ranking:
    """All variations, best first, those without a figure last.

    Args:
        rows: In order.
        selection_bias: By how much the best one is expected to look better than it is; None unless all share draws.
        n_draws: Draws shared by all compared variations; 0 without shared draws.
    """

    rows: list[Ranked]
    selection_bias: float | None
    n_draws: int


def rank(candidates: Sequence[Candidate], metric: Metric) -> Ranking:
    """Order variations by a figure, and compare each with the best.

    With shared draws, a variation differs from the best if the interval of their difference excludes zero. The interval
    uses paired draws, so common effects cancel, and it covers all pairs at once, so it also holds for a best that was
    selected by these figures. Without shared draws, two differ if their own intervals do not overlap.
    """
    scored = [candidate for candidate in candidates if candidate.figure.point is not None]
    scored.sort(key=lambda candidate: (-metric.sign * candidate.point, candidate.name))
    missing = [Ranked(candidate, None) for candidate in candidates if candidate.figure.point is None]
    if not scored:
        return Ranking(missing, None, 0)
    best = scored[0]
    comparable = {
        candidate.name: candidate.draws
        for candidate in scored
        if candidate.draws and candidate.draws_key and candidate.draws_key == best.draws_key
    }
    compared = compare(comparable)
    critical_value = compared.critical_value if compared else 0.0
    rows = [_ranked(candidate, scored, metric, compared, critical_value) for candidate in scored]
    covers_all = compared is not None and len(comparable) == len(scored)
    bias = compared.selection_bias(metric.sign) if compared and covers_all else None
    return Ranking([*rows, *missing], bias, len(compared.centred) if compared else 0)


def _ranked(
    candidate: Candidate,
    scored: Sequence[Candidate],
    metric: Metric,
    compared: Comparison | None,
    critical_value: float,
) -> Ranked:
    best = scored[0]
    place = 1 + sum(metric.sign * (other.point - candidate.point) > 0 for other in scored)
    if candidate is best:
        return Ranked(candidate, place)
    if compared is None or not {candidate.name, best.name} <= set(compared.names):
        return Ranked(candidate, place, None, _do_not_overlap(candidate.figure.ends, best.figure.ends))
    better, worse = (best, candidate) if metric.sign > 0 else (candidate, best)
    difference = compared.difference(better.name, worse.name, critical_value)
    return Ranked(candidate, place, difference, difference[1] > 0)


def _do_not_overlap(ends: tuple[float, float] | None, others: tuple[float, float] | None) -> bool | None:
    if ends is None or others is None:
        return None
    return ends[1] < others[0] or others[1] < ends[0]
