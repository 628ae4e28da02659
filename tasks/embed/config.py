"""The embed stage's config and artifact type."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from tasks.common.settings import UNLESS_DEFAULT, Config
from tasks.store.refs import ArtifactRef, ArtifactType

Pooling = Literal["last", "mean", "class"]


class EmbedConfig(Config):
    """How sentences become vectors: a state of the model's last layer for each sentence."""

    tokens_per_batch: int = Field(8_192, ge=64, le=1_048_576)
    """Tokens of a batch, padding included; a longer sentence is a batch of its own. Another value may change a state's
    last bits."""
    cpu_threads: int = Field(1, ge=1, le=1_024)
    """Threads on a machine without a GPU; for a large model as many as it has cores. Another value may change a state's
    last bits, so neither cores nor load decide it."""
    max_tokens: int = Field(1_024, ge=8, le=262_144)
    """Longest sentence in tokens; the model's context is a second bound."""
    undated: bool = True
    """Also embed the sentences without their day, for the control; doubles the work of the stage."""
    pooling: Literal["auto"] | Pooling = Field("auto", json_schema_extra=UNLESS_DEFAULT)
    """`last`: the state at the last token. `mean`: the mean over the sentence's tokens. `class`: the state at the first
    token. `auto`: `last` for a causal model, `mean` for an encoder, as transformers classifies the architecture."""
    too_long: Literal["refuse", "cut_left"] = Field("refuse", json_schema_extra=UNLESS_DEFAULT)
    """What happens to a sentence longer than max_tokens or than the model's context. `cut_left`: its first tokens are
    left out, its end is kept; cut sentences are counted in the facts."""


def embed_label(config: EmbedConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: panel and model, each cut to 60 characters because a label has at most 121."""
    return f"{inputs['panel'].label[:60]}-{inputs['model'].label[:60]}"


REVISION = 2
"""Raised when the same input gives other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="embed", revision=REVISION, label=embed_label)
