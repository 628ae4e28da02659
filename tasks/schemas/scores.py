"""The artifact `premium`: figures that the premium stage writes and the report, sweeps and run table read."""

from datetime import date
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import Field

from tasks.common.settings import Frozen
from tasks.schemas.checks import Checks, NumericalNoise, ReferenceChecks
from tasks.schemas.estimates import (
    QUANTILE_975,
    Estimate,
    FitName,
    FitScores,
    Interval,
    ModelDifference,
)
from tasks.schemas.former_scores import present_scores
from tasks.schemas.vintages import Vintages

ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,40}$")]
"""What a model is called in its run: in scores, in the report and among the premium stage's inputs."""
HEADLINE_PAIR = "base - trained"
"""The difference that leakage-premium draws its conclusions on."""


class ModelScore(Frozen):
    """One model's figures under the reference contract: R2 of a ridge on states and numeric features."""

    n_columns: int
    """Width of its states and the numeric features."""
    r2_off: float
    """Chronological: fitted up to the cut, scored after it."""
    r2_on: float
    """Mean over stock-disjoint folds."""
    r2_on_folds: list[float]
    premium: float
    """r2_on - r2_off."""
    premium_interval: Interval
    checks: ReferenceChecks | None = None
    """Embargo and walk-forward; absent in scores of REVISION 3 and before."""


class Reduction(Frozen):
    """One model's premium less another's, under the reference contract."""

    point: float
    interval: Interval
    """Of stock draws."""


class PremiumScores(Frozen):
    """`premium`: `scores.json`.

    Beside it `draws.npy`, (n_kept, 1 + 2 * n_models) float64: draw, then on and off of each model, in the order of
    `models`; under the reference contract. `two_way.npy`, (n_kept, 1 + n_models * n_fits * 6): draw, then by model, in
    the same order, and by fit R2 on, off, date_disjoint, disjoint, matched and walk_forward, rescaled so that
    they vary as the figures do. `predictions.parquet`, by row: RowPredictions.
    """

    contract: Literal["reference"]
    cut: date
    """Last day of the chronological train side."""
    n_stocks: int
    n_rows: int
    n_train_rows: int
    n_test_rows: int
    models: dict[str, ModelScore] = Field(min_length=1)
    """By name: the reference model, the others in alphabetical order, then the one stitched from vintages."""
    reductions: dict[str, Reduction]
    """By pair of models, as `base - trained`; none where there is one model."""
    pairs: list[str]
    """Those that conclusions are drawn on: the reference model less another."""
    n_draws: int
    n_kept_draws: int
    n_flat_draws: int = 0
    """Kept draws with a test side of one constant target, whose R2 scikit-learn sets to 0 and so does the reference."""
    dropped_draws: dict[str, int]
    """Draws that could not be scored, by reason."""
    robust: "RobustScores | None" = None
    """The decomposition; absent where the recipe asks for the reference contract alone."""
    vintages: Vintages | None = Field(None, exclude_if=lambda own: own is None)
    """Rows by vintage, where the recipe asks for a stitched model; all figures are of the served rows alone."""

    @classmethod
    def read(cls, folder: Path) -> "PremiumScores":
        """Read an artifact's scores."""
        return cls.model_validate(present_scores((folder / "scores.json").read_text()))

    @property
    def compared(self) -> list[str]:
        """Names of the models in `pairs`; of all models where there are no pairs."""
        named = {name for pair in self.pairs for name in models_of(pair)}
        return [name for name in self.models if not named or name in named]


def pair_of(one: str, other: str) -> str:
    """What the difference of two models is called; no model's name has a space."""
    return f"{one} - {other}"


def models_of(pair: str) -> tuple[str, str]:
    """The two models of a pair.

    Examples:
        >>> models_of("base - trained")
        ('base', 'trained')
    """
    one, other = pair.split(" - ")
    return one, other


Verdict = Literal["above zero", "below zero", "undecided"]


class ControlFigures(Frozen):
    """A control's R2 by split under one fit."""

    on: float | None = None
    off: float | None = None
    date_disjoint: float | None = None
    disjoint: float | None = None
    matched: float | None = None
    walk_forward: float | None = None
    premium: float | None = None
    date_disjoint_premium: float | None = None
    shared_day_effect: float | None = None


class Control(Frozen):
    """Columns whose knowledge of the future is known by construction, scored like the models'."""

    name: str
    """`numerics_only`, `one_hot_date`, `undated_prompt`, `shuffled_rows` or `noise`."""
    what: str
    """One clause for the report."""
    n_columns: int
    fits: dict[FitName, ControlFigures] = Field(default_factory=dict)
    why_none: str = ""


class Expected(Frozen):
    """What a figure is expected to be, in units of r, by what a model knows: a planted column with R2 = r."""

    figure: str
    """`on`, `off`, `disjoint` or `premium` of a model; `lookahead`, `gain` or `reduction` of a model that knows the
    whole panel less one that knows this much."""
    nothing: float
    up_to_the_cut: float
    beyond: float
    """Beyond the test span: all days of the panel."""


class Tails(Frozen):
    """How much of the test rows' sum of squares a few of them carry, which decides whether R2 off can be quoted.

    And two facts on all rows, which decide whether an interval can be called wide.
    """

    largest_day: float
    """Fraction of the sum of squares about the mean that the largest day after the cut carries."""
    n_days: int
    """Days after the cut."""
    five_largest_rows: float
    """Fraction that the five largest rows carry."""
    relative_error: float | None = None
    """Standard error of the sum of squares after the cut, relative to it; the warning's measure."""
    kurtosis: float | None = Field(None, exclude_if=lambda own: own is None)
    """Of all rows' target, 3 if normal; absent, like autocorrelation, in scores of REVISION 6 and before."""
    autocorrelation: float | None = Field(None, exclude_if=lambda own: own is None)
    """Of the mean target of neighbouring days."""
    warning: str = ""
    """Why figures with R2 off are not to be quoted; empty where they are."""


class Conclusion(Frozen):
    """On which side of zero a headline figure is, by both co-primary fits."""

    verdict: Verdict
    reason: str


class Power(Frozen):
    """The smallest effect that a panel can detect."""

    metric: str
    """`lookahead`, `gain` or `reduction`."""
    fit: FitName
    source: Literal["draws", "states", "noise"]
    """`draws`: of the figure itself. Before it exists, `states`: the base model's own; `noise`: an order of magnitude,
    where these do not exist either."""
    half_width: float
    """Half-width of the metric's 95 % interval."""
    smallest_detectable: float
    """Distance from the threshold detected with 80 % power at a two-sided 5 % level."""
    n_columns: int
    n_draws: int

    def detection(self, distance: float) -> float:
        """Probability that the interval lies beyond the threshold, if the true figure is `distance` above it.

        Examples:
            >>> numbers = {"half_width": 0.196, "smallest_detectable": 0.28, "n_columns": 64, "n_draws": 50}
            >>> power = Power(metric="lookahead", fit="standardized", source="draws", **numbers)
            >>> round(power.detection(0.28), 2), round(power.detection(0.0), 3)
            (0.8, 0.025)
        """
        return NormalDist().cdf(distance / (self.half_width / QUANTILE_975) - QUANTILE_975)


class Answer(Frozen):
    """A hypothesis stated before the run, and the verdict."""

    statement: str
    metric: str
    at_least: float
    estimates: dict[FitName, Estimate]
    """Of the co-primary fits."""
    verdict: Literal["supported", "rejected", "undecided"]
    """Both intervals at or above the threshold, both below, or neither."""
    reason: str


class PairScores(Frozen):
    """What is concluded on one model less another."""

    conclusions: dict[str, Conclusion] = Field(default_factory=dict)
    """Of `lookahead` and `gain`; absent in scores of REVISION 2 and before."""
    power: list[Power] = Field(default_factory=list)
    """Under the co-primary fits; empty where there is no interval."""
    answer: Answer | None = None
    """To the recipe's hypothesis."""


class SplitFacts(Frozen):
    """How a splitter split the rows."""

    name: str
    n_splits: int
    n_train_rows: int
    """Summed over splits."""
    n_test_rows: int
    n_test_days: int | None = None
    """Distinct days of the test rows; absent in scores of REVISION 3 and before."""
    n_purged: int
    """Train rows left out because their label or the embargo touches the test span; summed over splits."""
    n_left_out: int = 0
    """Rows on neither side by the splitter's design, such as the test stocks' other days; summed over splits."""
    n_violations: int
    """Train rows whose label uses a price dated inside the test span; summed over splits."""


class RobustScores(Frozen):
    """The robust figures: by fit the decomposition with its intervals, and what they are to be judged by."""

    fits: dict[FitName, FitScores]
    pairs: dict[str, PairScores]
    """By pair of models that conclusions are drawn on."""
    tails: Tails | None = None
    expected: list[Expected] = Field(default_factory=list)
    penalties: dict[str, float] = Field(default_factory=dict)
    """Penalty chosen for the standardized fits, by model."""
    splits: list[SplitFacts]
    controls: list[Control]
    checks: Checks | None = None
    """Decay and portfolio; absent in scores of REVISION 3 and before."""
    noise: dict[str, NumericalNoise] = Field(default_factory=dict, exclude_if=lambda own: not own)
    """By model that was embedded twice (`embed.repeat`)."""
    n_draws: int
    """Two-way draws in the recipe."""
    n_kept_draws: int
    dropped_draws: dict[str, int]
    n_refits: dict[str, int] = Field(default_factory=dict)
    """Fits corrected on rows or solved from them, as sums of products were too ill-conditioned, by model."""
    n_day_groups: int
    """Groups of days; the jackknife leaves out one at a time."""

    def split(self, name: str) -> SplitFacts:
        """How one of the six splitters split the rows."""
        return next(own for own in self.splits if own.name == name)

    def difference(self, pair: str) -> dict[FitName, ModelDifference]:
        """A pair's figures under every fit."""
        return {fit: scores.differences[pair] for fit, scores in self.fits.items()}
