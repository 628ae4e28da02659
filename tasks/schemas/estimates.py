"""Figures with their intervals, by model, pair of models and fit: what the robust scores are made of."""

from typing import Literal

from pydantic import Field

from tasks.common.settings import Frozen

LEVEL = 95
"""Percent of every quoted interval, as the reference's. After a change rename p2_5 and p97_5, and texts with 95 %."""
PERCENTILES = ((100 - LEVEL) / 2, 50.0, (100 + LEVEL) / 2)
"""Low end, middle and high end."""
QUANTILE_975 = 1.96
"""Of the standard normal: standard deviations on either side of a figure that cover it with 95 %."""
WIDE_RATIO = 1.2
"""An interval is called wide if its draws' standard deviation is above this many standard errors of the jackknife."""
FitName = Literal["unscaled", "standardized", "winsorized", "day_rank"]
"""How columns are scaled and what is predicted."""
FITS: dict[FitName, str] = {
    "unscaled": "columns as they are, the reference's penalty",
    "standardized": "columns standardized by each train side, penalty chosen by purged CV up to the cut",
    "winsorized": "as standardized, for the target clipped at a quantile of the rows up to the cut",
    "day_rank": "as standardized, for the target's rank within its day",
}
"""All fits, each with its meaning."""
CO_PRIMARY: tuple[FitName, ...] = ("unscaled", "standardized")
"""Fits that decide a verdict together: it is undecided where they disagree."""
WITHOUT_JACKKNIFE = (
    *("off", "premium", "gain", "reduction"),
    *("date_disjoint_premium", "date_disjoint_reduction", "walk_forward"),
)
"""Figures with R2 off, which few days decide: their jackknife does not cover and is not shown. Of the walk-forward,
whose folds fit on few days, it is not known to."""


class Interval(Frozen):
    """Percentiles of a bootstrap's draws: PERCENTILES."""

    p2_5: float
    p50: float
    p97_5: float


class Estimate(Frozen):
    """A figure with its robust intervals; a figure that is not defined on these rows has a reason."""

    point: float | None
    interval: tuple[float, float] | None = None
    """point -/+ 1.96 standard deviations of the two-way draws, 95 %: the interval to quote."""
    two_way: Interval | None = None
    """Percentiles of bootstrap draws, in scores of REVISION 3 and before."""
    jackknife_se: float | None = None
    """Standard error from leaving out one group of days at a time."""
    jackknife: tuple[float, float] | None = None
    """point -/+ t * jackknife_se, 95 %: the second interval."""
    is_wide: bool = Field(False, exclude_if=lambda own: not own)
    """Whether the interval is likely wider than 95 % needs, by WIDE_RATIO and by what the target allows. Scores of
    REVISION 6 and before mark none."""
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
    """One model's R2 by split, and its premium split into causes."""

    on: Estimate
    """Stock-disjoint folds: train and test share days."""
    off: Estimate
    """Chronological, purged by label days."""
    date_disjoint: Estimate
    """Blocks of days, purged; train and test share stocks."""
    disjoint: Estimate
    """Stock- and date-disjoint at once, purged; the same test rows as `on`."""
    matched: Estimate | None = None
    """As `on`, with as many train rows as `disjoint`; absent in scores of REVISION 2 and before."""
    premium: Estimate
    """on - off."""
    date_disjoint_premium: Estimate | None = None
    """date_disjoint - off: the premium with purged blocks of days in place of stock-disjoint folds; absent, like
    walk_forward, in scores of REVISION 3 and before."""
    walk_forward: Estimate | None = None
    """Expanding window of five folds, purged: each fitted on all days before it."""
    shared_day_effect: Estimate
    """matched - disjoint: what sharing days is worth; it needs no hindsight."""
    rank_ic: RankIc | None = None
    """Of the target itself; absent for the other targets."""


class ModelDifference(Frozen):
    """One model's figures less another's, on paired draws."""

    lookahead: Estimate
    """Difference of R2 disjoint; knowledge of the future only where nothing else tells the models apart."""
    gain: Estimate | None = None
    """Difference of R2 off: gain from knowing the test span; absent in scores of REVISION 2 and before."""
    reduction: Estimate
    """Difference of premiums, the reference's figure; its sign does not tell who knows more."""
    date_disjoint_reduction: Estimate | None = None
    """Difference of date-disjoint premiums; absent, like walk_forward, in scores of REVISION 3 and before."""
    walk_forward: Estimate | None = None
    """Difference of R2 walk-forward."""


class FitScores(Frozen):
    """All models under one fit."""

    models: dict[str, ModelDecomposition]
    """By model: base, trained and, where there is one, placebo: the base trained on text from after the cutoff."""
    differences: dict[str, ModelDifference]
    """By pair, as `base - trained`, `base - placebo` and `placebo - trained`."""
