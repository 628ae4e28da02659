"""The forecast stage's config and artifact type."""

from collections.abc import Mapping

from pydantic import Field

from tasks.common.settings import UNLESS_DEFAULT, Config
from tasks.store.refs import ArtifactRef, ArtifactType


class ForecastConfig(Config):
    """How a language model's answers are scored: in fp32 on a CPU, in the model's own format on a GPU."""

    tokens_per_batch: int = Field(1_024, ge=64, le=1_048_576)
    """Tokens of a batch, padding included; a longer text is a batch of its own. Another value may change a
    probability's last bits. On a CPU small batches fit the caches; a GPU wants larger ones."""
    cpu_threads: int = Field(1, ge=1, le=1_024)
    """Threads of a batch on a machine without a GPU. Another value may change a probability's last bits, so neither
    cores nor load decide it; free cores compute other batches meanwhile."""
    max_tokens: int = Field(1_024, ge=8, le=262_144)
    """Longest prompt with its answer, in tokens; the model's context is a second bound."""
    chat_template: str | None = Field(None, min_length=1, max_length=100_000, json_schema_extra=UNLESS_DEFAULT)
    """Jinja text of a chat template, as in the align stage. Null: the tokenizer's own, and where it has none the turns'
    texts, one per line."""


def forecast_label(config: ForecastConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: mix and model, each cut to 60 characters because a label has at most 121."""
    return f"{inputs['mix'].label[:60]}-{inputs['model'].label[:60]}"


REVISION = 1
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType[ForecastConfig](kind="forecast", revision=REVISION, label=forecast_label)
