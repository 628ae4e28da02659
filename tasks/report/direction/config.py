"""Config of the direction check's page, and its artifact type."""

from pydantic import Field

from tasks.report.config import ONE_LINE, ReportConfig
from tasks.store.refs import ArtifactType


class DirectionReportConfig(ReportConfig):
    """The report's page."""

    title: str = Field("Direction check", min_length=1, max_length=120, pattern=ONE_LINE)
    """Heading of the page."""


REVISION = 3
"""Raised when the same input gives different bytes."""
ARTIFACT_TYPE = ArtifactType[DirectionReportConfig](
    kind="direction_report", revision=REVISION, label=lambda config, inputs: inputs["evaluate"].label
)
