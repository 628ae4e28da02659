"""The base stage's config and artifact type."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tasks.common.settings import Config
from tasks.schemas.tokenizer import HubRepo, QwenTokenizer, Revision, TokenizerSource
from tasks.store.refs import ArtifactRef, ArtifactType


class TinySource(Config):
    """A random Qwen3.5-MoE with every kind of layer of the large one, small enough to train on a laptop."""

    kind: Literal["tiny"] = "tiny"
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the random weights."""
    hidden: int = Field(32, ge=16, le=256, multiple_of=16)
    """Width of the residual stream."""
    n_layers: int = Field(4, ge=4, le=16, multiple_of=4)
    """Decoder layers; every fourth one is gated attention, the others Gated DeltaNet."""
    n_experts: int = Field(8, ge=2, le=64)
    """Routed experts per layer; each token goes to two of them."""
    expert_width: int = Field(16, ge=8, le=256)
    """Hidden width of each routed expert and of the shared one."""
    vocabulary_size: int = Field(248_320, ge=248_077, le=248_320)
    """Rows of the embedding; Qwen3.5 pads its 248,077 tokens to 248,320."""
    tokenizer: TokenizerSource = QwenTokenizer()
    """Tokenizer saved with the model."""


class HubSource(Config):
    """A model of the Hugging Face hub at a pinned commit, safetensors only."""

    kind: Literal["hub"] = "hub"
    repo: HubRepo = "Qwen/Qwen3.5-35B-A3B-Base"
    """Repository, `owner/name`."""
    revision: Revision = "0f0813072d2358973511097385626f21fcb6d422"
    """Commit, 40 hex digits."""


class BaseConfig(Config):
    """The model training starts from."""

    source: Annotated[TinySource | HubSource, Field(discriminator="kind")] = HubSource()
    """A tiny random model or a model of the hub."""


def base_label(config: BaseConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: the repository's name, or `tiny-qwen3.5-moe`."""
    source = config.source
    return source.repo.split("/")[1] if isinstance(source, HubSource) else "tiny-qwen3.5-moe"


REVISION = 1
"""Raised when the same input gives other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="base", revision=REVISION, label=base_label)
