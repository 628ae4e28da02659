"""Config of the evaluate stage: hold-out, models, thresholds, costs and draws. The horizon is the panel's."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tasks.sampling.holdout import HoldoutConfig
from tasks.schemas.direction import BASELINES, BaselineName
from tasks.schemas.scores import ModelName
from tasks.store.refs import ArtifactType

Share = Annotated[float, Field(gt=0, le=1)]
Certainty = Annotated[float, Field(ge=0.5, le=1)]


class EvaluateConfig(HoldoutConfig):
    """How direction forecasts are scored."""

    shuffled_share: float = Field(0.2, gt=0, lt=1)
    """Share of the rows in the shuffled hold-out."""
    models: tuple[BaselineName, ...] = Field(tuple(BASELINES), min_length=1)
    """The models to fit and score, in the order of the tables."""
    language_models: tuple[ModelName, ...] = ("base", "sft", "final")
    """Names that language models may have, in the order of the tables; each is compared with those before it."""
    momentum: str = "ret_30d"
    """The feature whose sign `momentum` continues or reverses."""
    kept_shares: tuple[Share, ...] = (1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05)
    """Shares of trades to keep, the most certain first. Each threshold is chosen on tuning rows."""
    certainties: tuple[Certainty, ...] = (0.55, 0.6, 0.7, 0.8, 0.9, 0.95)
    """Certainty thresholds as they are."""
    tuning_share: float = Field(0.25, gt=0, lt=1)
    """Share of the train side's last days (of its rows, where the split is shuffled) on which thresholds are chosen."""
    cost_bps: float = Field(1.0, ge=0, le=1_000)
    """Cost of what is bought and of what is sold, in hundredths of a percent; a trade pays both."""
    peg_fraction: float = Field(0.25, ge=0, le=1)
    """A pair whose outcomes vary less than this fraction of the median pair's counts as pegged."""
    max_gap_days: int = Field(45, ge=1, le=3_650)
    """Calendar days between a pair's neighbouring rows, or from a row to its label's last day, at most. The default is
    about the 30 prices of the features' longest window."""
    n_draws: int = Field(200, ge=20, le=10_000)
    """Draws of days, and as many of days and currencies; the same for all models and splits."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the shuffled split, the draws, the boosting and the planted control."""

    @model_validator(mode="after")
    def _names_models_once(self) -> Self:
        names = (*self.models, *self.language_models)
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"models and language_models name {twice[0]!r} twice")
        return self


REVISION = 2
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType[EvaluateConfig](
    kind="evaluate", revision=REVISION, label=lambda config, inputs: inputs["panel"].label
)
