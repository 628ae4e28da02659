"""The artifact `recall`: what the recall probes found, by model and by pair of models."""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.common.settings import Frozen
from tasks.schemas.direction import Figure
from tasks.schemas.estimates import Estimate, FitName
from tasks.schemas.probe import ReadingSettings, Variant

Period = Literal["month", "quarter", "year"]
Unit = Literal["document", "day"]


class PeriodRate(Frozen):
    """Bits per byte of one calendar period's documents: sum of bits over sum of bytes."""

    first: date
    """First day of the period."""
    n_documents: int
    n_bytes: int
    rate: Estimate
    """Of a pair, the difference."""


class ChangePoint(Frozen):
    """The day after which bits per byte rise: the apparent knowledge cutoff. No day where no change was found."""

    n_documents: int
    searched: tuple[date, date] | None = None
    """First and last day after which a change was looked for."""
    day: date | None = None
    """Last day of a document before the change."""
    interval: tuple[date, date] | None = None
    """Days between which the change lies, 95 %: last document before it, and first one after it."""
    is_open: tuple[bool, bool] | None = None
    """Whether an end of the interval is the first, or the last, day searched: the change may lie beyond."""
    rise: float | None = None
    """How far later documents lie above the line of those before, on average, in bits per byte."""
    slopes: tuple[float, float] | None = None
    """Of the lines before and after it, in bits per byte and year."""
    p_value: float | None = None
    """Of a change as large as the found one, where there is none."""
    why_none: str = ""
    """Why there is no day."""


class Curve(Frozen):
    """Bits per byte over days: of one model, or of one model less another on the same documents."""

    cutoff: date | None
    """Of the model; of a pair, the second model's. None where it is unknown."""
    periods: list[PeriodRate]
    overall: Estimate
    before: Estimate
    """Documents up to the cutoff."""
    after: Estimate
    rise: Estimate
    """after - before."""
    change: ChangePoint
    overlapping: Estimate
    """Documents whose n-grams are in the training text, by the lowest bound of Contamination."""
    others: Estimate
    overlap_gap: Estimate
    """overlapping - others."""


class Recalled(Frozen):
    """Whether a model tells the direction of some rows."""

    n_rows: int
    n_days: int
    share_up: float | None
    """Of these rows."""
    auc: Figure
    """Probability that a row that rose has the larger p_up than one that fell; 1/2 without recall, however much the
    model leans to one answer."""
    log_odds_gap: Figure
    """Mean log odds of a rise on rows that rose, less that on rows that fell; 0 without recall."""
    hit_rate: Figure
    brier: Figure


class VariantRecall(Frozen):
    """Answers to one variant of the question."""

    n_asked: int
    n_flat: int
    """Rows whose target is zero: neither a rise nor a fall, and in no figure."""
    mass: float | None
    """Probability that one of the two answers is said, a mean. Near zero, the model does not answer the question."""
    certainty: float | None
    """Distance of p_up from one half, a mean."""
    overall: Recalled
    before: Recalled
    """Rows whose target is known by the cutoff."""
    after: Recalled
    """Rows of days after the cutoff."""
    n_across: int
    """Rows of days up to the cutoff whose target ends after it: on neither side."""
    fall: Figure
    """AUC before less after."""
    beyond_control: Figure
    """AUC of `date_only` less this variant's, on the rows that both were asked about; none for `date_only` itself."""


class FactScores(Frozen):
    """Items recognised before and after a model's cutoff."""

    n_items: int
    n_unmatched: tuple[int, int]
    """Items before and after the cutoff that were left out, so that both sides are equally long."""
    length_gap: tuple[float | None, float | None]
    """Difference of mean log lengths over their standard deviation: of all items, and of those kept."""
    n_before: int
    n_after: int
    before: Estimate
    """Share recognised."""
    after: Estimate
    difference: Estimate
    """before - after."""
    chance: float | None
    """Share recognised by picking at random: the mean of 1 / (1 + number of wrong answers)."""
    gate: Literal["passed", "failed"] | None
    """At least GATE_BEFORE before and at most GATE_AFTER after, as other projects ask; None with the reason below."""
    why_no_gate: str = ""


GATE_BEFORE, GATE_AFTER = 0.7, 0.1


class Concentration(Frozen):
    """Whether a pair's lookahead comes from the rows on which the first model's answers are certain."""

    fit: FitName
    n_rows: int
    """Rows asked about with a prediction of both models."""
    lookahead: Figure
    """Of these rows: what the first model's predictions explain beyond the second's, as a share of the variance."""
    certain: Figure
    """The same of the half with the more certain answers, as a share of that half's own variance."""
    uncertain: Figure
    difference: Figure
    """certain - uncertain."""
    slope: Figure
    """Change of that share per standard deviation of certainty."""


class OverlapCount(Frozen):
    """Documents with more overlap than a bound."""

    bound: float
    n_documents: int
    share: float


class Contamination(Frozen):
    """N-gram overlap of the probe's texts with the training shards."""

    n_documents: int
    """With a known overlap."""
    documents: list[OverlapCount]
    panel: dict[str, float | int]
    """As the items state it: of the panel's sentences."""
    why_none: str = ""


class ModelRecall(Frozen):
    """One model's figures."""

    cutoff: date | None
    reading: ReadingSettings
    curve: Curve
    questions: dict[Variant, VariantRecall]
    """By variant; none where no question was asked."""
    facts: FactScores


class PairRecall(Frozen):
    """One model less another."""

    curve: Curve
    concentration: list[Concentration]
    """By co-primary fit."""
    why_no_concentration: str = ""


class Recall(Frozen):
    """`recall`: `recall.json`."""

    period: Period
    unit: Unit
    """What intervals of bits per byte treat as one observation."""
    n_draws: int
    """Two-way draws, and draws of days, for figures of the panel's rows."""
    n_change_draws: int
    days_per_run: int | None
    """Days of the panel that draws keep or leave out together."""
    models: dict[str, ModelRecall] = Field(min_length=1)
    pairs: dict[str, PairRecall]
    """As `base - trained`."""
    contamination: Contamination

    @classmethod
    def read(cls, folder: Path) -> "Recall":
        """Read an artifact's figures."""
        return cls.model_validate_json((folder / "recall.json").read_text(encoding="utf-8"))
