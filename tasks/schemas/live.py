"""Live updates of a line: one record per update, the state of the watch after a swap, and forecasts by version."""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from tasks.common.settings import Frozen

ScoreName = Literal["accuracy", "brier"]
SCORES: dict[ScoreName, str] = {
    "accuracy": "share of rows whose likelier direction came; one half counts as half right",
    "brier": "one less the squared error of the probability of a rise, so that more is better",
}
"""All scores of the gate and the watch, each with its meaning."""
FORECAST_KEYS = ("code", "date")
"""What a version forecasts once."""
FORECAST_COLUMNS = (*FORECAST_KEYS, "label_until", "probability", "outcome")
"""Of a version's table of forecasts with outcomes: pair, day, last day of the label, probability of a rise, return."""
GateVerdict = Literal["promote", "keep"]
WatchVerdict = Literal["watching", "roll back"]


class PairedScore(Frozen):
    """Two versions' mean of one score over the same days, and the difference."""

    name: ScoreName
    candidate: float
    production: float
    difference: float
    """Candidate less production; the mean over days of each day's mean."""
    interval: tuple[float, float] | None
    """Where the difference lies, either end at the look's level; it holds however many days there are."""


class GateFinding(Frozen):
    """What the gate found in one look at the newest hold-out, and what it decided."""

    look: int = Field(ge=1)
    """Number of this look at the line, from 1."""
    first_day: date
    last_day: date
    n_rows: int = Field(ge=1)
    n_days: int = Field(ge=1)
    n_bets: int = Field(ge=0)
    """Days whose labels do not overlap: what the evidence counts, for each day to begin with."""
    scores: list[PairedScore] = Field(min_length=1)
    decided_by: ScoreName
    margin: float
    """The interval of the difference must lie above it."""
    evidence: float = Field(ge=0)
    """e-value against `no day's difference is expected to be above the margin`; at least 1 / level promotes."""
    level: float = Field(gt=0, lt=1)
    """Chance of a false promotion that this look may spend."""
    level_spent: float = Field(ge=0)
    """Spent by this look and all before it."""
    level_left: float = Field(ge=0)
    """Left for all looks after it, if none of them promotes."""
    smallest_detectable: float | None
    """Difference that a look at as many days would promote in 80 of 100 cases; None if there is none."""
    verdict: GateVerdict
    sentence: str


class UpdateCost(Frozen):
    """What one update took."""

    seconds: float = Field(ge=0)
    dollars: float | None = Field(None, ge=0)
    n_tokens: int | None = Field(None, ge=0)
    """Tokens trained on."""


class LiveLook(Frozen):
    """One update: when, from how many new outcomes, of which versions, what the gate found, and what it took."""

    line: str
    at: AwareDatetime
    candidate: str
    production: str
    """The version in production when the candidate was made."""
    n_new_outcomes: int = Field(ge=0)
    """Since the update before it."""
    gate: GateFinding
    cost: UpdateCost


class WatchRecord(Frozen):
    """The watch after a swap, as it stands at one moment."""

    line: str
    at: AwareDatetime
    current: str
    previous: str
    since: date
    """The swap's day; live outcomes from this day on count."""
    last_day: date | None
    """The newest day that counts; None before the first."""
    n_rows: int = Field(ge=0)
    n_days: int = Field(ge=0)
    n_bets: int = Field(ge=0)
    """Days that were bet on."""
    score: ScoreName
    difference: float | None
    """Mean over days of the previous version's score less the current one's; above zero the swap was a loss."""
    interval: tuple[float, float] | None = None
    """Where the difference lies, at all moments at once: either end is ever wrong with a probability of at most the
    false-rollback rate."""
    evidence: float = Field(ge=0)
    """The statistic: an e-value against `the previous version is on no day expected to be better`."""
    boundary: float = Field(gt=1)
    """The statistic at which the swap is undone: one over the false-rollback rate."""
    crossed_on: date | None
    """The day whose outcomes made it cross."""
    verdict: WatchVerdict
    sentence: str


LOOK_KIND, LOOK_FILE = "live_look", "look.json"
SWAP_KIND, SWAP_FILE = "live_swap", "swap.json"
"""Kinds of the artifacts that hold a LiveLook and a WatchRecord, labelled by their line, and their files."""


class LineMove(Frozen):
    """A move of a version, as the line's history has it."""

    at: AwareDatetime
    action: str
    version: str
    by: str
    why: str


class LineVersion(Frozen):
    """A version as the history leaves it."""

    name: str
    state: str
    registered: AwareDatetime
    accuracy: float | None = None
    """On the hold-out of its release; a version that has none was scored by the gate alone."""
    accuracy_interval: tuple[float, float] | None = None
    accuracy_rows: int | None = None


class LinePage(Frozen):
    """`results.json` of a line's page: everything that the page shows."""

    schema_version: Literal[1] = 1
    line: str
    at: AwareDatetime
    """When the store was read."""
    production: str | None
    versions: list[LineVersion] = Field(min_length=1)
    moves: list[LineMove] = Field(min_length=1)
    looks: list[LiveLook]
    """By time."""
    watches: list[WatchRecord]
    """By time; several of one swap as it went on."""
