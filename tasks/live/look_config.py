"""Configs of the stages that decide: a look at a candidate, and a look at a swap."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field

from tasks.common.settings import Config
from tasks.live.config import GateConfig, WatchConfig
from tasks.schemas.live import LOOK_KIND, SWAP_KIND
from tasks.store.refs import ArtifactRef, ArtifactType

LineName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$")]


class LookConfig(Config):
    """One look at a candidate, on the newest outcomes."""

    gate: GateConfig
    line: LineName
    at: AwareDatetime
    candidate: str = Field(min_length=1)
    """The version that the candidate becomes."""
    production: str = Field(min_length=1)
    """The version in production when the candidate was made."""
    n_new_outcomes: int = Field(ge=0)
    """Since the update before it."""
    beside: tuple[ArtifactRef, ...] = ()
    """Looks of the line to which the one before does not go back, since two updates ran at a time. They count."""


class SwapConfig(Config):
    """One look at a swap, on the outcomes since then."""

    watch: WatchConfig
    line: LineName
    at: AwareDatetime
    current: str = Field(min_length=1)
    previous: str = Field(min_length=1)
    since: date
    """First day whose forecasts the current version made."""


def _label(config: LookConfig | SwapConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    return config.line


REVISION = 1
"""Raised when the same input would give other bytes."""
LOOK = ArtifactType[LookConfig](kind=LOOK_KIND, revision=REVISION, label=_label)
SWAP = ArtifactType[SwapConfig](kind=SWAP_KIND, revision=REVISION, label=_label)
