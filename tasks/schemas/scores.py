"""The artifact `premium`: figures that the premium stage writes and the report, sweeps and run table read."""

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


LEVEL = 95
"""Percent of every quoted interval, as the reference's. After a change rename p2_5 and p97_5, and texts with 95 %."""
PERCENTILES = ((100 - LEVEL) / 2, 50.0, (100 + LEVEL) / 2)
"""Low end, middle and high end."""


class Interval(Frozen):
    """Percentiles of a bootstrap's draws: PERCENTILES."""

    p2_5: float
    p50: float
    p97_5: float


class ModelScore(Frozen):
    """One model's figures under the reference contract: R2 of a ridge on states and numeric features."""

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
    recipe has one, placebo; under the reference contract. `two_way.npy` holds the two-way draws of the robust figures.
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
    """The decomposition; absent where the recipe asks for the reference contract alone."""

    @classmethod
    def read(cls, folder: Path) -> "PremiumScores":
        """Read an artifact's scores."""
        text = (folder / "scores.json").read_text()
        for former, present in _RENAMED.items():
            text = text.replace(former, present)
        return cls.model_validate_json(text)


class Estimate(Frozen):
    """A figure with its robust intervals; a figure that is not defined on these rows has a reason."""

    point: float | None
    two_way: Interval | None = None
    """Percentiles of draws of stocks and days, both with replacement: the interval to quote."""
    jackknife_se: float | None = None
    """Standard error from leaving out one group of days at a time."""
    jackknife: tuple[float, float] | None = None
    """point -/+ t * jackknife_se, 95 %: the second interval."""
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
    """One model's premium split into causes."""

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
    """on - disjoint: what sharing days is worth; it needs no hindsight."""
    demeaned: Estimate
    """`disjoint` of the target less its day's mean."""
    rank_ic: RankIc


class Control(Frozen):
    """Columns whose knowledge of the future is known by construction, scored like the models'."""

    name: str
    """`numerics_only`, `one_hot_date`, `undated_prompt`, `shuffled_rows` or `noise`."""
    what: str
    """One clause for the report."""
    n_columns: int
    on: float | None
    off: float | None
    date_disjoint: float | None
    disjoint: float | None
    premium: float | None
    shared_day_effect: float | None
    why_none: str = ""


class Sensitivity(Frozen):
    """The figures under one way of fitting: the reference's or another."""

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
    """The reduction this panel could detect, computed before any model exists."""

    half_width: float
    """Expected half-width of the reduction's 95 % interval, from two independent sets of noise columns."""
    smallest_detectable: float
    """Reduction detected with 80 % power at a two-sided 5 % level."""
    n_columns: int
    n_draws: int


class Answer(Frozen):
    """A hypothesis stated before the run, and the verdict."""

    statement: str
    metric: str
    at_least: float
    estimate: Estimate
    verdict: Literal["supported", "rejected", "undecided"]
    """By the two-way interval: all of it at or above the threshold, all of it below, or neither."""
    reason: str


class SplitFacts(Frozen):
    """How a splitter split the rows."""

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
    """The robust figures: the decomposition with its intervals, controls, sensitivity, power, the verdict."""

    base: ModelDecomposition
    trained: ModelDecomposition
    placebo: ModelDecomposition | None = None
    """The base model trained on as many tokens from after the cutoff."""
    reduction: Estimate
    """premium(base) - premium(trained), paired draws."""
    lookahead: Estimate
    """disjoint(base) - disjoint(trained), paired draws; a lookahead only where training started from scratch."""
    placebo_lookahead: Estimate | None = None
    """disjoint(base) - disjoint(placebo)."""
    trained_against_placebo: Estimate | None = None
    """disjoint(placebo) - disjoint(trained): the cutoff's effect at equal tokens."""
    splits: list[SplitFacts]
    controls: list[Control]
    sensitivity: list[Sensitivity]
    power: Power | None = None
    why_no_power: str = ""
    answer: Answer | None = None
    n_draws: int
    """Two-way draws in the recipe."""
    n_kept_draws: int
    dropped_draws: dict[str, int]
    n_day_groups: int
    """Groups of days; the jackknife leaves out one at a time."""
