"""The measure's figures, as the premium room leaves them and the report reads them: the artifact `premium`."""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.common.settings import Frozen

_RENAMED = {
    '"contract": "seed"': '"contract": "reference"',
    '"construction":': '"shared_day_effect":',
    '"metric": "construction_base"': '"metric": "shared_day_effect_base"',
}
"""Words of `scores.json` before they were renamed, so that artifacts of older stores can be read."""


class Interval(Frozen):
    """Percentiles of a bootstrap's draws."""

    p2_5: float
    p50: float
    p97_5: float


class ModelScore(Frozen):
    """One model's figures under the seed contract; R2 of a ridge on states and numeric features."""

    r2_off: float
    """Chronological: fitted up to the cut, scored after it."""
    r2_on: float
    """Mean over stock-disjoint folds."""
    r2_on_folds: list[float]
    premium: float
    """r2_on - r2_off."""
    premium_interval: Interval


class PremiumScores(Frozen):
    """`premium`: `scores.json`.

    Beside it `draws.npy`, (n_kept, 1 + 2 * n_models) float64: draw, then on and off of base, trained and, where the
    recipe has one, placebo; under contract `seed`. `two_way.npy` holds the two-way draws of the robust figures.
    """

    contract: Literal["reference"]
    cut: date
    """Last day of the chronological train side."""
    n_stocks: int
    n_rows: int
    n_train_rows: int
    n_test_rows: int
    n_columns: int
    base: ModelScore
    trained: ModelScore
    premium_reduction: float
    """premium(base) - premium(trained)."""
    reduction_interval: Interval
    n_draws: int
    n_kept_draws: int
    dropped_draws: dict[str, int]
    """Draws that could not be scored, by reason."""
    robust: "RobustScores | None" = None
    """What the number is made of; absent where the recipe asks for contract `seed` alone."""

    @classmethod
    def read(cls, folder: Path) -> "PremiumScores":
        """Read an artifact's scores."""
        text = (folder / "scores.json").read_text()
        for former, present in _RENAMED.items():
            text = text.replace(former, present)
        return cls.model_validate_json(text)


class Estimate(Frozen):
    """A figure with the intervals that cover it; a figure that is not defined on these rows says why."""

    point: float | None
    two_way: Interval | None = None
    """Percentiles of draws of stocks and of days, both with replacement: the interval to quote."""
    jackknife_se: float | None = None
    """Standard error from leaving out one group of days at a time."""
    jackknife: tuple[float, float] | None = None
    """point -/+ t * jackknife_se, 95 %: the second opinion."""
    why_none: str = ""
    """Why there is no figure, or no interval."""


class RankIc(Frozen):
    """Rank correlation between prediction and target within a day, on the stock- and date-disjoint split."""

    mean: float | None
    """Over days."""
    standard_error: float | None
    """From the spread over days, in blocks where labels overlap."""
    n_days: int
    """Days with enough stocks."""
    why_none: str = ""


class ModelDecomposition(Frozen):
    """What one model's premium is made of."""

    on: Estimate
    """Stock-disjoint folds: train and test share days."""
    off: Estimate
    """Chronological, purged by label days."""
    date_disjoint: Estimate
    """Blocks of days, purged; train and test share stocks."""
    disjoint: Estimate
    """Stock- and date-disjoint at once, purged; the same test rows as `on`."""
    premium: Estimate
    """on - off."""
    shared_day_effect: Estimate
    """on - disjoint: what sharing days is worth, which is no hindsight."""
    demeaned: Estimate
    """`disjoint` of the target less its day's mean."""
    rank_ic: RankIc


class Control(Frozen):
    """Columns of which it is known what they can know, scored as the models' are."""

    name: str
    """`numerics_only`, `one_hot_date`, `undated_prompt`, `shuffled_rows` or `noise`."""
    what: str
    """One clause for the page."""
    n_columns: int
    on: float | None
    off: float | None
    date_disjoint: float | None
    disjoint: float | None
    premium: float | None
    shared_day_effect: float | None
    why_none: str = ""


class Sensitivity(Frozen):
    """The figures under another way of fitting, beside the seed's."""

    name: str
    """`unscaled, alpha = 1` or `standardized, alpha by purged CV`."""
    base_on: float | None
    base_off: float | None
    trained_on: float | None
    trained_off: float | None
    reduction: float | None
    alphas: list[float] = Field(default_factory=list)
    """Penalties chosen, one per fit."""
    why_none: str = ""


class Power(Frozen):
    """What this panel could detect, known before any model is."""

    half_width: float
    """Expected half-width of the reduction's 95 % interval, from two independent sets of noise columns."""
    smallest_detectable: float
    """Reduction found with 80 % power at a two-sided 5 % level."""
    n_columns: int
    n_draws: int


class Answer(Frozen):
    """A hypothesis stated before the run, and what the run says to it."""

    statement: str
    metric: str
    at_least: float
    estimate: Estimate
    verdict: Literal["supported", "rejected", "undecided"]
    """By the two-way interval: wholly at or above the threshold, wholly below it, or across."""
    reason: str


class SplitFacts(Frozen):
    """How a splitter parted the rows."""

    name: str
    n_splits: int
    n_train_rows: int
    """Summed over splits."""
    n_test_rows: int
    n_purged: int
    """Train rows left out because their label or the embargo touches the test span; summed over splits."""
    n_left_out: int = 0
    """Rows on neither side by the splitter's design, such as the test stocks' other days; summed over splits."""
    n_violations: int
    """Train rows whose label uses a price dated inside the test span; summed over splits."""


class RobustScores(Frozen):
    """The measure taken apart: intervals that cover, causes told apart, controls beside them."""

    base: ModelDecomposition
    trained: ModelDecomposition
    placebo: ModelDecomposition | None = None
    """The base trained on as many tokens from after the cutoff."""
    reduction: Estimate
    """premium(base) - premium(trained), paired draws."""
    lookahead: Estimate
    """disjoint(base) - disjoint(trained), paired draws; a lookahead only where training started from scratch."""
    placebo_lookahead: Estimate | None = None
    """disjoint(base) - disjoint(placebo)."""
    trained_against_placebo: Estimate | None = None
    """disjoint(placebo) - disjoint(trained): what the cutoff did, tokens being equal."""
    splits: list[SplitFacts]
    controls: list[Control]
    sensitivity: list[Sensitivity]
    power: Power | None = None
    why_no_power: str = ""
    answer: Answer | None = None
    n_draws: int
    """Two-way draws asked for."""
    n_kept_draws: int
    dropped_draws: dict[str, int]
    n_day_groups: int
    """Groups of days the jackknife leaves out one at a time."""
