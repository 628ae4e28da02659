"""Config of the report, and its artifact type."""

from collections.abc import Mapping

from pydantic import Field

from tasks.common.settings import Config
from tasks.store.refs import ArtifactRef, ArtifactType

ONE_LINE = r"^[^\r\n]*$"
"""A title is also the heading of a Markdown file."""


class ReportConfig(Config):
    """The report's page."""

    title: str = Field("Leakage premium", min_length=1, max_length=120, pattern=ONE_LINE)
    """Heading of the page."""
    plumbing_only: bool = False
    """Mark the run as a smoke test: the first line of the page then states that its numbers mean nothing."""


def report_label(config: ReportConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Label of the artifact: the label of its scores."""
    return inputs["premium"].label


REVISION = 13
"""Raised when the same input gives different bytes."""
ARTIFACT_TYPE = ArtifactType(kind="report", revision=REVISION, label=report_label)
