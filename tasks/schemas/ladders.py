"""Models of one family with different cutoffs, compared with what is expected of a share r of lookahead."""

from datetime import date
from typing import Literal

from tasks.common.settings import Frozen
from tasks.schemas.estimates import Estimate, FitName

LadderFigure = Literal["premium", "off", "disjoint"]
FIGURES: tuple[LadderFigure, ...] = ("premium", "off", "disjoint")
"""The figures whose expected course over the cutoffs is known."""
MIN_RUNGS = 3
"""Two rungs lie on a line whatever they know."""
LadderVerdict = Literal["tent", "rising", "tent or rising", "flat", "below zero", "undecided", "no fit"]


class Rung(Frozen):
    """A model of the family."""

    model: str
    cutoff: date
    known_rows: float
    """Fraction of the rows whose target ends by its cutoff."""


class Slopes(Frozen):
    """How much lookahead the rungs show."""

    share: Estimate
    """r against flat: the slope of the rungs' figures on what is expected of r = 1."""
    share_beside_line: Estimate
    """r against rising: the same beside a straight line over the cutoffs."""
    line: Estimate | None = None
    """Of the straight line, in R2 per year of cutoff, beside r; of a single figure."""
    smallest: float | None = None
    """Smallest r that is told from flat with 80 % power at a two-sided 5 % level."""
    smallest_beside_line: float | None = None
    """Smallest r that is told from a straight line."""


class LadderCourse(Slopes):
    """One figure over the rungs."""

    rungs: list[Estimate]
    """The figure of each rung; the interval is that of its distance from the rungs' mean, on paired draws."""
    expected: list[float]
    """What the figure is expected to be, in units of r, for a model that knows the rows up to its cutoff."""
    mean: float
    """Of the rungs: what a family without lookahead has in common."""


class LadderFit(Frozen):
    """A family's figures under one fit."""

    courses: dict[LadderFigure, LadderCourse]
    combined: Slopes
    """Of all figures, each weighted by one over its slope's variance over the draws: what the verdict is on."""


class TentPoint(Frozen):
    """The premium expected of a model with a cutoff on this day, in units of r."""

    day: date
    premium: float


class Ladder(Frozen):
    """Models of one family, oldest first."""

    rungs: list[Rung]
    fits: dict[FitName, LadderFit] = {}
    """Of the co-primary fits; empty without a fit."""
    tent: list[TentPoint] = []
    verdict: LadderVerdict
    reason: str
