"""`results.json` of a report: findings, figures and claims for programs, each with the digest of its artifact.

Its JSON schema is docs/reference/results.schema.json (`python -m docs.results`).
"""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.common.settings import Frozen
from tasks.schemas.estimates import FitName
from tasks.schemas.ladders import LadderVerdict, Rung
from tasks.store.refs import Sha256

RESULTS_NAME = "results.json"
SCHEMA_VERSION: Literal[1] = 1
"""Raised when a field changes its meaning or goes; fields may be added."""
Outcome = Literal["shown", "partly", "not shown", "not measured", "fact"]
"""`not shown` is no proof of absence; a `fact` is an answer that is not yes or no."""
ClaimStatus = Literal["verified", "not verified", "null"]
"""`verified`: a check in a record or an artifact says so. `not verified`: one says otherwise, or left it open. `null`:
there is no evidence."""


class QuotedFigure(Frozen):
    """A figure of one model, or of one model less another, under one fit."""

    figure: str
    """`lookahead`, `gain`, `shared_day_effect`, `premium` and the other names of the scores."""
    of: str
    """A model, or a pair as `base - trained`."""
    contract: Literal["robust", "reference"]
    """`reference`: unscaled columns, nothing purged, intervals from draws of whole stocks, which are too narrow."""
    fit: FitName
    unit: Literal["R2"] = "R2"
    """Fraction of the target's variance that is predicted; differences of figures are in the same unit."""
    point: float | None
    low: float | None = None
    """Lower end of the 95 % interval."""
    high: float | None = None
    """Its upper end."""
    interval: Literal["two-way draws", "stock draws", "none"]
    is_wide: bool = False
    """Whether it is likely wider than 95 % needs: no verdict is changed, an undecided may be lack of power."""
    n_rows: int | None
    """Rows that the figure is scored on: for a premium, the rows of its stock-disjoint folds."""
    n_draws: int
    """Draws that the interval is from."""
    artifact: Sha256 | None
    """Digest of the premium artifact that the figure is read from."""
    why_none: str = ""
    """Why there is no figure, or no interval."""

    @property
    def ends(self) -> tuple[float, float] | None:
        """Both ends of the interval; None without one."""
        return None if self.low is None or self.high is None else (self.low, self.high)


class Finding(Frozen):
    """One question of the first page, and its answer."""

    question: str
    outcome: Outcome
    answer: str
    """One sentence."""
    because: list[str] = Field(default_factory=list)
    """What the answer rests on, and how it may be read."""
    each: list[str] = Field(default_factory=list)
    """The same one by one: by figure, model or comparison."""
    figures: list[QuotedFigure] = Field(default_factory=list)
    doubts: list[str] = Field(default_factory=list)
    """What makes the answer, or an interval behind it, untrusted."""


class QuotedShare(Frozen):
    """A ladder's share r of lookahead, of premium, R2 off and R2 disjoint together, under one fit."""

    fit: FitName
    against: Literal["flat", "line"]
    """`flat`: whether the figures move with the cutoffs at all. `line`: beside a straight line over the cutoffs."""
    point: float | None
    low: float | None = None
    """Lower end of the 95 % interval, from two-way draws."""
    high: float | None = None
    smallest_detectable: float | None
    """Smallest r found with 80 % power. A lower bound where r holds zero."""
    why_none: str = ""
    """Why there is no share, or no interval."""


class QuotedLadder(Frozen):
    """Models of one family by cutoff, and what is concluded from them."""

    family: str
    verdict: LadderVerdict
    reason: str
    rungs: list[Rung]
    """Oldest first."""
    shares: list[QuotedShare]
    """Empty without a fit."""
    n_rows: int
    artifact: Sha256 | None
    """Digest of the premium artifact."""


RecallName = Literal["rise", "auc", "auc_before", "auc_after", "recognised_before", "recognised_after"]


class RecallFigure(Frozen):
    """A figure of the recall probes."""

    figure: RecallName
    """`rise`: bits per byte after the cutoff less up to it. `auc`: directions told from entity and day alone, 0.5 is
    chance. `recognised`: share of dated facts."""
    of: str
    """A model; of `rise` also a pair as `base - trained`, whose cutoff is the second model's."""
    unit: Literal["bits per byte", "probability", "share"]
    point: float | None
    low: float | None = None
    """Lower end of the 95 % interval: of `rise` over documents or days, of `auc` by date, of shares over items."""
    high: float | None = None
    n: int
    """Documents, rows or items that it counts."""
    why_none: str = ""
    """Why there is no figure, or no interval."""


class RecallChange(Frozen):
    """The day after which bits per byte rise or fall: an apparent knowledge cutoff where a model's rise."""

    of: str
    """A model or a pair."""
    day: date | None
    """None where no change was found."""
    first: date | None = None
    """The change lies between these days, 95 %."""
    last: date | None = None
    rise: float | None = None
    """How far later documents lie above the line of those before, in bits per byte."""
    n: int
    """Documents."""
    why_none: str = ""
    """Why there is no day."""


class QuotedRecall(Frozen):
    """Headline figures of the recall probes."""

    figures: list[RecallFigure]
    change_points: list[RecallChange]
    artifact: Sha256 | None
    """Digest of the recall artifact."""


class Claim(Frozen):
    """One line of the verification card."""

    claim: str
    status: ClaimStatus
    how: str
    """What was checked, or why nothing was."""
    evidence: list[Sha256] = Field(default_factory=list)
    """Digests of the artifacts or of the files that say so."""


class Source(Frozen):
    """An artifact that the report came from."""

    path: str
    """`kind/label/key` in the store."""
    digest: Sha256
    seconds: float
    dollars: float | None
    """None where no price is known."""


class Results(Frozen):
    """`results.json`."""

    schema_version: Literal[1] = SCHEMA_VERSION
    title: str
    plumbing_only: bool
    """A smoke test: its numbers mean nothing."""
    is_audit: bool
    cut: date
    """Last day of the chronological train side."""
    n_stocks: int
    n_rows: int
    n_train_rows: int
    n_test_rows: int
    models: list[str]
    pairs: list[str]
    """Those that conclusions are drawn on."""
    findings: list[Finding]
    figures: list[QuotedFigure]
    """All headline figures, those of the findings included."""
    ladders: list[QuotedLadder] = Field(default_factory=list)
    """Empty where the run has no ladder."""
    recall: QuotedRecall | None = None
    """None where the run has no recall probes."""
    claims: list[Claim]
    sources: list[Source]
    """Sources first."""

    @classmethod
    def read(cls, folder: Path) -> "Results":
        """Read a report's results."""
        return cls.model_validate_json((folder / RESULTS_NAME).read_text(encoding="utf-8"))

    def to_text(self) -> str:
        """Content of the file."""
        return self.model_dump_json(indent=1) + "\n"
