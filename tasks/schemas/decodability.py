"""Decodability: what a linear probe reads off a model's states, and what of the shared-day effect goes with the day."""

from typing import Literal

from tasks.common.settings import Frozen
from tasks.schemas.estimates import Estimate, FitName

ProbeName = Literal["day", "month", "stock"]
Measure = Literal["R2", "accuracy"]
HeldOut = Literal["days", "stocks"]


class ProbeScore(Frozen):
    """How well a linear probe reads one thing off the states, on rows that it was not fitted on."""

    name: ProbeName
    """`day` as a number; `month` of a year and `stock` as classes."""
    measure: Measure
    held_out: HeldOut
    """No test row shares one of these with a train row."""
    score: float | None = None
    interval: tuple[float, float] | None = None
    """95 %, from two-way draws of the test rows, of the fitted probes as they are."""
    chance: float | None = None
    """Of a probe that knows nothing: 0, or the largest class's share."""
    n_classes: int | None = None
    n_rows: int
    why_none: str = ""


class ExplainedEffect(Frozen):
    """The shared-day effect under one fit, before and after the directions that tell days apart are removed."""

    before: Estimate
    after: Estimate
    removed: Estimate
    """before - after, on paired draws."""
    share: float | None = None
    """removed / before."""
    share_interval: tuple[float, float] | None = None
    """95 %, from paired draws by the delta method."""
    why_none: str = ""
    """Why there is no share, or no interval."""


class Decodability(Frozen):
    """Of one model's states, without the numeric features."""

    probes: list[ProbeScore]
    n_directions: list[int]
    """Directions removed, by fold of stocks."""
    effects: dict[FitName, ExplainedEffect]
    """Under the co-primary fits."""
    n_draws: int
    """Two-way draws that the effect was scored on again."""
