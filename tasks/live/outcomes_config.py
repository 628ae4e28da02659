"""Config of the outcomes stage: where outcomes are, and what was known at which moment."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from tasks.common.settings import NOT_IDENTITY, Config, check_absolute
from tasks.store.refs import ArtifactType


class TableOutcomes(Config):
    """An append-only table: a CSV or parquet file, or a folder of them.

    Columns: code, date (the forecast's day), horizon (weekdays), outcome (the return), known_at (with time zone) and
    revision (from 0). A correction is one more row with a higher revision.
    """

    kind: Literal["table"] = "table"
    path: str = Field(min_length=1)
    """Path or URL of a file, or of a folder whose .csv and .parquet files are read."""

    @model_validator(mode="after")
    def _is_absolute(self) -> Self:
        check_absolute(self.path, None)
        return self


class PriceOutcomes(Config):
    """The panel's own targets, known once the prices behind them are published."""

    kind: Literal["prices"] = "prices"


OutcomeSource = Annotated[TableOutcomes | PriceOutcomes, Field(discriminator="kind")]


class OutcomesConfig(Config):
    """Which outcomes were known at a moment."""

    source: OutcomeSource = PriceOutcomes()
    """The desk's table of outcomes, or the panel's prices."""
    published_after_hours: float = Field(24.0, ge=0, le=24 * 31)
    """Hours from the beginning (UTC) of a label's last day until its prices are published."""
    late_after_hours: float = Field(48.0, ge=0, le=24 * 366)
    """Outcomes that became known later than this after the beginning of their label's last day count as late. A day of
    which some are missing is not waited for any longer."""
    skew_minutes: float = Field(2.0, ge=0, le=60, json_schema_extra=NOT_IDENTITY)
    """An outcome that is known later than now by more than this ends the update: one of two clocks is wrong."""


class OutcomesAt(OutcomesConfig):
    """The outcomes stage's config: the settings, and the moment, which the flow sets."""

    at: AwareDatetime
    """Only rows that were known by then count."""
    new_from: date
    """First day that production was not trained on; earlier outcomes are replayed, and are not new."""
    trained: str = Field("the version in production", max_length=100, json_schema_extra=NOT_IDENTITY)
    """The version whose training left `new_from` and the days after it out, as errors name it."""
    counted_until: AwareDatetime | None = None
    """Outcomes that became known later are new; null if no update has counted any."""


REVISION = 2
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType[OutcomesAt](
    kind="outcomes", revision=REVISION, label=lambda config, inputs: inputs["panel"].label
)
