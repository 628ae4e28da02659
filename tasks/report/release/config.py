"""Config of a release's page, and its artifact type."""

from pydantic import Field

from tasks.report.config import ONE_LINE, ReportConfig
from tasks.store.refs import ArtifactType


class ReleaseReportConfig(ReportConfig):
    """The report's page."""

    title: str = Field("Adapter release", min_length=1, max_length=120, pattern=ONE_LINE)
    """Heading of the page."""
    licence: str = Field("other", pattern=r"^[a-z0-9.-]{1,40}$")
    """Of the released model, as the Hugging Face hub spells it; it follows from that of the base."""


REVISION = 2
"""Raised when the same input gives different bytes."""
ARTIFACT_TYPE = ArtifactType[ReleaseReportConfig](
    kind="release_report", revision=REVISION, label=lambda config, inputs: inputs["release"].label
)
