"""Config of the premium stage: the reference contract, its cut and draws, the robust figures, and vintages."""

from collections.abc import Collection, Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from tasks.common.settings import NOT_IDENTITY, UNLESS_DEFAULT, Config, renamed
from tasks.premium.errors import BadVintages
from tasks.schemas.scores import ModelName
from tasks.store.refs import ArtifactRef, ArtifactType


class Hypothesis(Config):
    """A hypothesis stated before the run, which the report answers."""

    statement: str = Field(min_length=1, max_length=300)
    """One sentence, such as `training on text up to 2017-07-02 takes a hundredth of R2 out of the model`."""
    metric: Annotated[
        Literal["lookahead", "gain", "reduction", "premium_base", "premium_trained", "shared_day_effect_base"],
        renamed("metric", construction_base="shared_day_effect_base"),
    ] = "lookahead"
    """Which figure of the report it is about. `gain`: R2 off of base less that of trained."""
    at_least: float = Field(0.0, ge=-10, le=10)
    """Supported if the figure's interval is at or above this under both co-primary fits, rejected if both are below."""
    assumed_effect: float | None = Field(None, ge=-10, le=10)
    """The figure's assumed true value: preflight refuses a panel that would not find it with 80 % power, for lookahead,
    gain and reduction. At `at_least` itself 95 % of panels are undecided."""


class PortfolioConfig(Config):
    """A long-short portfolio from the walk-forward predictions."""

    quantile: float = Field(0.2, gt=0, le=0.5)
    """Of each day's stocks: the highest predictions are held long and as many of the lowest short, in equal weights."""
    cost_bps: float = Field(5.0, ge=0, le=1_000)
    """Cost of what is bought or sold, in hundredths of a percent; meant for a target that is a return."""


class DecodabilityConfig(Config):
    """What a linear probe reads off the states, and the share of the shared-day effect that goes with the day."""

    n_draws: int = Field(40, ge=20, le=10_000)
    """Two-way draws on which the effect without the day is scored: the first of the run's own, at most all of them."""


class RobustConfig(Config):
    """Splits, draws and controls beyond the reference contract."""

    n_draws: int = Field(120, ge=20)
    """Two-way draws: seven tenths of the stocks and of the days; the same draws for all models and fits."""
    n_date_blocks: int = Field(5, ge=2, le=100)
    """Blocks of days for the date-disjoint splits. With fewer than five, a model that knows only early days scores far
    below one that knows nothing."""
    embargo_days: int = Field(0, ge=0, le=365)
    """Calendar days on either side of a test span without train rows, beyond the purge by label days."""
    n_day_groups: int = Field(20, ge=5, le=500)
    """Groups of days; the jackknife leaves out one at a time."""
    alphas: tuple[Annotated[float, Field(gt=0)], ...] = Field((1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6), min_length=1)
    """Penalties of the standardized columns, among which purged CV up to the cut chooses one per model."""
    tail_quantile: float = Field(0.01, gt=0, lt=0.25)
    """The winsorized target is clipped at this quantile of the rows up to the cut, and at its mirror."""
    n_power_draws: int = Field(50, ge=20)
    """Two-way draws, from which preflight estimates the smallest detectable effect."""
    portfolio: PortfolioConfig | None = Field(PortfolioConfig(), json_schema_extra=UNLESS_DEFAULT)
    """Sharpe ratio of a long-short portfolio; null where the target is no return."""
    decodability: DecodabilityConfig | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """Decode day, month and stock from the states; null leaves it out, for it takes time."""


class VintagesConfig(Config):
    """One more model, stitched from others: for each row the states of a model that cannot know the row's day."""

    rule: Literal["newest_before_row"] = "newest_before_row"
    """Each row is served by the newest model whose knowledge cutoff, plus the embargo, lies before the row's day. Rows
    that no model may serve are counted, and left out of every model's figures."""
    name: ModelName = "vintages"
    """What the stitched model is called in the report and in tables."""
    models: tuple[ModelName, ...] = ()
    """Models to choose from, with cutoffs on different days and states of equal width; all models with a known cutoff
    if empty."""
    embargo_days: int = Field(0, ge=0, le=3_650)
    """Calendar days after its cutoff on which a model does not serve yet."""

    def cutoffs_among(self, models: Collection[str], cutoffs: Mapping[str, date]) -> dict[str, date]:
        """Cutoff by vintage, oldest first.

        Args:
            models: Names of all models.
            cutoffs: Of those of which it is known.

        Raises:
            BadVintages: If there is none, one is unknown, two are equal, or the stitched model has a model's name.
        """
        if self.name in models:
            raise BadVintages(f"premium.vintages.name is {self.name!r}, and so is a model's; choose another.")
        if unknown := [name for name in self.models if name not in models]:
            raise BadVintages(
                f"premium.vintages.models names {unknown[0]!r}; the models of this run are {', '.join(models)}."
            )
        if undated := [name for name in self.models if name not in cutoffs]:
            raise BadVintages(f"vintage {undated[0]!r} has no known cutoff; state it, or leave the model out.")
        found = {name: cutoffs[name] for name in self.models or sorted(cutoffs)}
        if not found:
            raise BadVintages("no model has a known cutoff, and vintages need at least one; state it, or do without.")
        ordered = dict(sorted(found.items(), key=lambda vintage: vintage[1]))
        for (one, day), (other, next_day) in pairwise(ordered.items()):
            if day == next_day:
                raise BadVintages(
                    f"vintages {one!r} and {other!r} both have the cutoff {day}, so neither is the newest; list the "
                    f"vintages in premium.vintages.models without one of them."
                )
        return ordered


class PremiumConfig(Config):
    """Contract, cut and draws of the leakage premium."""

    contract: Annotated[Literal["reference"], renamed("contract", seed="reference")] = "reference"
    """`reference`: stock-disjoint folds against one chronological split, as in the public recipe."""
    train_until: date = date(2020, 12, 31)
    """Last day of the chronological train side; every later day is test."""
    n_draws: int = Field(200, ge=10)
    """Bootstrap draws of whole stocks, the same for all models. They give the reference's interval, which is too narrow
    under shocks that stocks share."""
    seed: int = Field(123, ge=0, le=2**32 - 1)
    """Seed of the draws."""
    alpha: float = Field(1.0, gt=0)
    """Ridge penalty on unscaled columns; the intercept is free."""
    n_folds: int = Field(5, ge=2)
    """Stock-disjoint folds; a draw with fewer distinct stocks is dropped and counted."""
    robust: RobustConfig | None = RobustConfig()
    """Robust intervals, the decomposition and the controls; null for the reference's figures alone."""
    reference: ModelName | None = None
    """Model that others are compared with, and that controls are made from; by default the first by name: in
    leakage-premium `base`."""
    compared: tuple[ModelName, ...] = ()
    """Models of which reference - model has conclusions, power and the hypothesis's answer; all others if empty, and in
    leakage-premium `trained`. The other pairs have figures and intervals."""
    cutoffs: dict[ModelName, date] = Field({}, json_schema_extra=UNLESS_DEFAULT)
    """Knowledge cutoff by model: the report then has the model's figures by distance from it. A model without one has
    none; in leakage-premium `trained` has that of its corpus."""
    vintages: VintagesConfig | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """A point-in-time model, stitched from those with a cutoff, as one more model; null for none. For audits."""
    hypothesis: Hypothesis | None = None
    """Hypothesis that the report answers."""
    memory_gb: float = Field(4.0, gt=0, le=1_000, json_schema_extra=NOT_IDENTITY)
    """Bound on the memory of a chunk of draws, in GB, beside the columns themselves."""


def premium_label(config: PremiumConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: the contract and its models, the trained one alone where there is one."""
    labels = [ref.label for name, ref in sorted(inputs.items()) if name != "panel"]
    shown = inputs["trained"].label if "trained" in inputs else "-".join(labels)
    return f"{config.contract}-{shown}"[:121]


REVISION = 7
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="premium", revision=REVISION, label=premium_label)
