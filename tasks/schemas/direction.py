"""Scores of direction forecasts, by model and split: what the evaluate stage publishes and the page shows."""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.common.settings import Frozen
from tasks.schemas.scores import SplitFacts

SplitName = Literal["shuffled", "overlapping", "chronological"]
SPLITS: dict[SplitName, str] = {
    "shuffled": "rows drawn at random: train and hold-out share days",
    "overlapping": "chronological without a purge: labels of the last train rows reach into the hold-out",
    "chronological": "chronological, purged by label days: the figures to quote",
}
"""All splits, each with its meaning."""
LEAKING: tuple[SplitName, ...] = ("shuffled", "overlapping")
QUOTED: SplitName = "chronological"
"""The split whose figures are to be quoted, and the only one for a forecast that was fitted elsewhere."""
BaselineName = Literal["majority", "momentum", "logistic", "boosting", "look-up", "planted"]
BASELINES: dict[BaselineName, str] = {
    "majority": "the more frequent direction of the train rows",
    "momentum": "the direction of the past month, continued or reversed as in the train rows",
    "logistic": "logistic regression on the numeric features",
    "boosting": "gradient boosting on the numeric features",
    "look-up": "day and currency alone: where a currency's other pairs went on that day, among the train rows",
    "planted": "control: a column that gives the outcome away, to show that the ruler measures",
}
"""All baselines, each with its meaning."""


class Figure(Frozen):
    """A mean over rows, or a difference of two, with its 95 % intervals."""

    point: float | None
    by_date: tuple[float, float] | None = None
    """From draws of runs of days."""
    two_way: tuple[float, float] | None = None
    """From draws of runs of days and of currencies, for pairs that share one are not independent."""
    why_none: str = ""
    """Why there is no figure, or no interval."""


class CalibrationBin(Frozen):
    """Rows whose probability of a rise lies in one bin."""

    low: float
    high: float
    n_rows: int
    mean_probability: float | None
    share_up: float | None


class Kept(Frozen):
    """The trades that a certainty threshold keeps."""

    asked_share: float | None
    """Share of the tuning rows that the threshold was chosen to keep; None where the certainty itself was given."""
    certainty: float
    """The threshold: a trade is kept if its larger probability, of a rise or of a fall, is at least this."""
    n_rows: int
    """Scored rows kept."""
    n_days: int
    share: float
    """Of the scored rows."""
    accuracy: Figure
    net_bps: Figure
    """Profit per trade after costs."""
    n_rows_without_pegs: int
    accuracy_without_pegs: Figure


class SplitScores(Frozen):
    """A model's figures on one split's hold-out."""

    n_rows: int
    """Rows scored: those whose outcome is not zero."""
    n_even: int
    """Of these, rows with a probability of one half, within 1e-6, which count as half right and are not traded."""
    accuracy: Figure
    brier: Figure
    gross_bps: Figure
    """Profit per trade before costs, in hundredths of a percent."""
    net_bps: Figure
    calibration: list[CalibrationBin]
    by_share: list[Kept]
    """Thresholds chosen on tuning rows, which are part of train and never scored."""
    by_certainty: list[Kept]
    """Thresholds given by the config."""


class ModelScores(Frozen):
    """One model on all splits it can be scored on."""

    meaning: str
    splits: dict[SplitName, SplitScores]
    premium: dict[SplitName, Figure]
    """Accuracy premium: accuracy on a leaking split less that on the chronological one, on paired draws."""
    without_pegs: Figure
    """Accuracy on the chronological hold-out without the pegged pairs."""
    n_rows_without_pegs: int


class Asked(Frozen):
    """What a language model was asked about the chronological hold-out, and how it answered."""

    n_rows: int
    """Rows asked about and scored."""
    n_not_asked: int
    """Rows of the hold-out with an outcome other than zero that it was not asked about."""
    n_outside: int
    """Rows asked about and not scored: outside of the hold-out, or with an outcome of zero."""
    mass: float
    """Probability that the model says one of the two answers, a mean over the questions. Near zero, it does not answer
    the question, and its preference among the two means little."""
    distance: float
    """Distance of the probability of a rise from one half, a mean over the questions."""


class Comparison(Frozen):
    """A model fitted elsewhere beside another model, on the rows of the chronological hold-out that both cover."""

    model: str
    reference: str
    n_rows: int
    n_days: int
    accuracy: Figure
    reference_accuracy: Figure
    difference: Figure
    """The model's accuracy less the reference's, row by row."""


class FamilyFigure(Frozen):
    """A mean over questions, or a difference of two, with its 95 % interval."""

    point: float | None
    by_family: tuple[float, float] | None = None
    """A family's questions count as one observation."""
    why_none: str = ""
    """Why there is no figure, or no interval."""


class Knowledge(Frozen):
    """A language model's answers to questions about formulas of which nothing was trained on."""

    n_questions: int
    n_right: int
    n_families: int
    chance: float
    """Accuracy of answers picked at random."""
    accuracy: FamilyFigure
    differences: dict[str, FamilyFigure]
    """Accuracy less that of each earlier model, on the questions that both were asked."""


class Peg(Frozen):
    """A pair whose price hardly moves."""

    pair: str
    volatility: float
    """Standard deviation of its outcomes among the train rows of the chronological split."""
    of_median: float
    """As a fraction of the median pair's."""


class DirectionScores(Frozen):
    """`evaluate`: `results.json`."""

    n_rows: int
    n_pairs: int
    n_currencies: int
    n_days: int
    first_day: date
    last_day: date
    horizon: int
    """Weekdays from a row's day to its label's last; the median row's."""
    holdout_from: date
    train_until: date
    embargo_days: int
    days_per_run: int
    """Days that draws keep or leave out together."""
    n_draws: int
    cost_bps: float
    features: list[str]
    splits: dict[SplitName, SplitFacts]
    n_zero: dict[SplitName, int]
    """Hold-out rows whose outcome is zero: neither a rise nor a fall, and not scored."""
    n_zero_train: dict[SplitName, int]
    """The same of train rows, which are not fitted on."""
    share_up: dict[SplitName, float]
    """Of the scored rows."""
    pegs: list[Peg]
    peg_fraction: float
    models: dict[str, ModelScores]
    asked: dict[str, Asked] = Field(default_factory=dict)
    """Of each language model."""
    comparisons: list[Comparison] = Field(default_factory=list)
    """Of each model fitted elsewhere with each baseline but the control, and with each such model before it."""
    knowledge: dict[str, Knowledge] = Field(default_factory=dict)
    """Of each language model that was asked about formulas."""

    @classmethod
    def read(cls, folder: Path) -> "DirectionScores":
        """Read an artifact's scores."""
        return cls.model_validate_json((folder / "results.json").read_text())
