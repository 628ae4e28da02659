"""The release stage's config and artifact type."""

from pydantic import Field

from tasks.common.settings import Config
from tasks.store.refs import ArtifactType


class ReleaseConfig(Config):
    """Conditions of a release beside those of the export."""

    min_accuracy_gain: float | None = Field(None, ge=-1, le=1)
    """Lower end, at least, of the interval of the final model's accuracy less the untrained base's, on the
    chronological hold-out. Null: the difference is shown and decides nothing."""
    min_planted_accuracy: float = Field(0.95, ge=0.5, le=1)
    """Accuracy, at least, of the control that is shown the outcome: whether the evaluation can tell at all."""
    first_loss_tolerance: float = Field(1e-2, gt=0, le=0.1)
    """Distance, at most, of the first preference loss from ln 2, the loss of a model that equals its reference. The
    trainer itself ends a run beyond 1e-2 in bf16, and beyond 1e-6 in fp32."""


REVISION = 1
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType[ReleaseConfig](
    kind="release", revision=REVISION, label=lambda config, inputs: inputs["export"].label
)
