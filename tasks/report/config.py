"""What the page says of itself."""

from collections.abc import Mapping

from pydantic import Field

from tasks.common.settings import Config
from tasks.store.refs import ArtifactRef, ArtifactType


class ReportConfig(Config):
    """The report's page."""

    title: str = Field("Leakage premium", min_length=1, max_length=120)
    """Heading of the page."""
    plumbing_only: bool = False
    """The run is of smoke size: the page's first line then says that its numbers mean nothing."""


def report_label(config: ReportConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: that of the scores it shows."""
    return inputs["premium"].label


REVISION = 4
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="report", revision=REVISION, label=report_label)
