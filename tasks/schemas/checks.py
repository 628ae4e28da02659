"""Robustness checks: the reference's own, decay after a knowledge cutoff, and a long-short portfolio's Sharpe ratio."""

from datetime import date
from typing import Literal

from pydantic import Field

from tasks.common.settings import Frozen
from tasks.schemas.decodability import Decodability
from tasks.schemas.estimates import FitName

SPANS = ("up to the cutoff", "0 to 6 months after", "6 to 12 months after", "later")
"""Spans of days by their distance from a knowledge cutoff."""
SPAN_ENDS = (0, 6, 12)
"""Months from the cutoff to the last day of each span but the last."""


class ReferenceCheck(Frozen):
    """A model's R2 under another split of the reference contract: unscaled columns, nothing purged."""

    r2: float | None
    """Of all test rows together, about their common mean."""
    fold_r2: list[float | None]
    """Of each fold about its own mean; one fold for an embargo."""
    premium: float | None = None
    """R2 on less this R2, where it takes the place of R2 off."""
    n_train_rows: int
    """Summed over folds."""
    n_test_rows: int
    why_none: str = ""


class ReferenceChecks(Frozen):
    """The robustness checks of the public recipe."""

    embargo5: ReferenceCheck
    """R2 off, fitted without the last five trading days up to the cut."""
    walk_forward5: ReferenceCheck
    """Five folds: each fitted on all days before it."""
    walk_forward5_embargo5: ReferenceCheck
    """The same without the last five distinct train days of these rows."""


class DayEstimate(Frozen):
    """A figure with a 95 % interval from the spread over blocks of days, of the fitted models as they are."""

    point: float | None
    standard_error: float | None = None
    interval: tuple[float, float] | None = None
    """point -/+ t * standard_error, t with one degree of freedom less than there are blocks of days."""
    n_days: int
    why_none: str = ""


class DecayBin(Frozen):
    """Out-of-sample figures of the rows of one span of days."""

    split: Literal["disjoint", "off"]
    """Which predictions."""
    span: str
    """One of SPANS."""
    r2: DayEstimate
    """Of the span's rows about their own mean."""
    rank_ic: DayEstimate
    n_rows: int


class Decay(Frozen):
    """A model's figures by distance of a row's day from the model's knowledge cutoff."""

    cutoff: date
    fits: dict[FitName, list[DecayBin]]


NOISE_OF = {"lookahead": "disjoint", "gain": "off", "reduction": "premium"}
"""The figure that each difference of two models is a difference of."""


class NumericalNoise(Frozen):
    """How far a model's states and figures move if the states are computed with other arithmetic."""

    settings: str
    """What differs the second time, as `precision bf16`."""
    n_rows: int
    """Rows embedded twice: figures are of these rows alone."""
    n_panel_rows: int
    largest_relative_difference: float | None = None
    """Of states: |second - first| / |first|, the largest over the rows; None where none is measured."""
    mean_relative_difference: float | None = None
    figures: dict[FitName, dict[str, float]] = {}
    """By co-primary fit, the absolute change of R2 `disjoint`, of R2 `off` and of the `premium`."""
    why_none: str = ""
    """Why there are no figures."""


class Portfolio(Frozen):
    """Long the highest and short the lowest predictions of each day, from walk-forward predictions."""

    gross: DayEstimate
    """Annualised Sharpe ratio before costs."""
    net: DayEstimate
    """The same after costs."""
    turnover: float | None = None
    """Mean over days of what is traded, in units of the long side."""
    n_tested_days: int
    """Days with a prediction."""
    n_days: int
    """Days with enough stocks that the predictions order."""
    stocks_per_day: float
    """Median over the tested days."""
    days_per_year: float | None = None
    """By which the ratio is annualised: the counted days over the years they span."""


class PortfolioDifference(Frozen):
    """One model's Sharpe ratios less another's, over the days that count for both."""

    gross: DayEstimate
    net: DayEstimate


class Portfolios(Frozen):
    """Every model's portfolio under one fit, and paired differences."""

    models: dict[str, Portfolio]
    differences: dict[str, PortfolioDifference]


class Checks(Frozen):
    """What the models' out-of-sample predictions are worth after a cutoff, and in a portfolio."""

    decay: dict[str, Decay]
    """By model that has a knowledge cutoff."""
    portfolios: dict[FitName, Portfolios]
    """Empty where the recipe leaves them out, or the target is no return."""
    why_no_portfolio: str = ""
    quantile: float | None = None
    """Of each day's stocks, held long and held short."""
    cost_bps: float | None = None
    """Cost of what is traded, in hundredths of a percent."""
    decodability: dict[str, Decodability] = Field(default_factory=dict, exclude_if=lambda own: not own)
    """By model, where the recipe asks for it (`premium.robust.decodability`)."""
