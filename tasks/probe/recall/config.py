"""The recall stage's config and artifact type."""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.common.settings import Config
from tasks.schemas.recall import Period, Unit
from tasks.schemas.scores import ModelName
from tasks.store.refs import ArtifactRef, ArtifactType

NOT_MODELS = ("items", "panel", "premium")
"""The stage's inputs beside the models' answers."""
Share = Annotated[float, Field(ge=0, lt=1)]


class RecallConfig(Config):
    """How answers become figures."""

    period: Period | Literal["auto"] = "auto"
    """Calendar period of the curves' points. `auto`: the shortest of which half have ten documents or more; else years.
    It does not change the change point, which uses each document's day."""
    unit: Unit = "document"
    """What counts as one observation of bits per byte and of facts. `day` where documents of a day are alike, such as
    parts of one text or reports of one event; it needs many days."""
    overlap_bounds: tuple[Share, ...] = Field((0.1, 0.5), min_length=1)
    """Shares of a document's n-grams in the training text beyond which documents are counted, in ascending order. Those
    beyond the first are compared with the others."""
    n_draws: int = Field(200, ge=20, le=10_000)
    """Draws of days, and as many of days and stocks, for figures of the panel's rows."""
    n_change_draws: int = Field(499, ge=99, le=9_999)
    """Draws for the change point's test, and for each day of its interval."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of all draws."""
    cutoffs: dict[ModelName, date] = Field(default_factory=dict)
    """Last day of each model's text, as far as known; the pipeline sets it. Without it, a model has no figures before
    and after its cutoff."""
    reference: ModelName | None = None
    """Model that others are compared with; the pipeline sets it. Null: the first by name."""
    compared: tuple[ModelName, ...] = ()
    """Models of which reference - model has figures; all others if empty."""

    @model_validator(mode="after")
    def _orders_its_bounds(self) -> Self:
        if any(not low < high for low, high in pairwise(self.overlap_bounds)):
            raise ValueError(f"overlap_bounds are {self.overlap_bounds}; write them in ascending order, each once")
        return self


def recall_label(config: RecallConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: that of the items."""
    return inputs["items"].label


REVISION = 4
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType[RecallConfig](kind="recall", revision=REVISION, label=recall_label)
"""From items, panel, each model's answers and, where there are scores, their predictions by row, to `recall.json`."""
