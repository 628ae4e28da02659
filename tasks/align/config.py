"""Config of the align stage: which examples of a mix, how long, by which chat template."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from tasks.common.settings import Config
from tasks.store.refs import ArtifactRef, ArtifactType


class AlignConfig(Config):
    """How a mix's examples become token ids."""

    objective: Literal["chat", "preference"] = "chat"
    """Conversations, of which the last answer is trained on, or pairs of a better and a worse answer."""
    sequence_length: int = Field(2048, ge=16, le=262_144)
    """Most tokens of an example, prompt and one answer. A longer one is left out and counted, never cut."""
    max_share_too_long: float = Field(0.01, ge=0, le=1)
    """Share of the examples that may be left out; more end the stage."""
    chat_template: str | None = Field(None, min_length=1, max_length=100_000)
    """Jinja text of a chat template. Null: the one of the base's tokenizer."""


def align_label(config: AlignConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: its mix and the objective."""
    return f"{inputs['mix'].label}-{config.objective}"


REVISION = 1
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType[AlignConfig](kind="align", revision=REVISION, label=align_label)
