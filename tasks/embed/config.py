"""The embed stage's config and artifact type."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.common.settings import UNLESS_DEFAULT, Config
from tasks.forward.load import Attention, Precision
from tasks.store.refs import ArtifactRef, ArtifactType

Pooling = Literal["last", "mean", "class"]


class RepeatConfig(Config):
    """A second embedding of some rows with other settings: how far states depend on arithmetic alone."""

    n_rows: int = Field(256, ge=2, le=100_000)
    """Rows drawn from the panel; all if it has fewer."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the rows drawn."""
    precision: Precision | None = None
    """Number format of weights and arithmetic. Null: the model's own."""
    tokens_per_batch: int | None = Field(None, ge=64, le=1_048_576)
    """Tokens of a batch. Null: as the first time; even so the rows have other neighbours in their batches."""
    cpu_threads: int | None = Field(None, ge=1, le=1_024)
    """Threads on a machine without a GPU. Null: as the first time."""
    attention: Attention | None = None
    """Implementation of attention. Null: the one transformers chooses."""

    @model_validator(mode="after")
    def _has_a_difference(self) -> Self:
        if not self.differs:
            raise ValueError("a repeat needs another precision, tokens_per_batch, cpu_threads or attention")
        return self

    @property
    def differs(self) -> str:
        """What differs the second time, in words."""
        names = ("precision", "tokens_per_batch", "cpu_threads", "attention")
        return ", ".join(f"{name} {own}" for name in names if (own := getattr(self, name)) is not None)


class EmbedConfig(Config):
    """How sentences become vectors: a state of the model's last layer for each sentence."""

    tokens_per_batch: int = Field(8_192, ge=64, le=1_048_576)
    """Tokens of a batch, padding included; a longer sentence is a batch of its own. Another value may change a state's
    last bits."""
    cpu_threads: int = Field(1, ge=1, le=1_024)
    """Threads of a batch on a machine without a GPU. Another value may change a state's last bits, so neither cores nor
    load decide it; free cores compute other batches meanwhile."""
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
    repeat: RepeatConfig | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """Embed some rows a second time with other settings, and note how far the states differ: numerical noise."""

    @model_validator(mode="after")
    def _repeats_something_else(self) -> Self:
        again = self.repeat
        if again is None or again.precision or again.attention:
            return self
        if again.tokens_per_batch in (None, self.tokens_per_batch) and again.cpu_threads in (None, self.cpu_threads):
            raise ValueError(f"embed.repeat has {again.differs}, as the first time; change one of its settings")
        return self


def embed_label(config: EmbedConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: panel and model, each cut to 60 characters because a label has at most 121."""
    return f"{inputs['panel'].label[:60]}-{inputs['model'].label[:60]}"


REVISION = 2
"""Raised when the same input gives other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="embed", revision=REVISION, label=embed_label)
