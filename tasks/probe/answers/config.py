"""The probe stage's config and artifact type."""

from collections.abc import Mapping

from pydantic import Field

from tasks.common.settings import Config
from tasks.store.refs import ArtifactRef, ArtifactType


class ProbeAnswersConfig(Config):
    """How a model's probabilities are computed: in fp32 on a CPU, in the model's own format on a GPU."""

    tokens_per_batch: int = Field(1_024, ge=64, le=1_048_576)
    """Tokens of a batch, padding included; a longer text is a batch of its own. Another value may change last bits. The
    logits of a batch are in memory, such as 1 GB for 1,024 tokens of a vocabulary of 248,320."""
    cpu_threads: int = Field(1, ge=1, le=1_024)
    """Threads of a batch on a machine without a GPU. Another value may change last bits, so neither cores nor load
    decide it; free cores compute other batches meanwhile."""
    max_tokens: int = Field(1_024, ge=16, le=262_144)
    """Longest window of a document, and longest question with its answer, in tokens; the model's context is a second
    bound. Half of a window is text that the window before has scored, so that every token but the document's first ones
    has that much before it."""
    chat_template: str | None = Field(None, min_length=1, max_length=100_000)
    """Jinja text of a chat template for the questions. Null: the tokenizer's own, and where it has none the question as
    plain text."""


def probe_label(config: ProbeAnswersConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: items and model, each cut to 60 characters because a label has at most 121."""
    return f"{inputs['items'].label[:60]}-{inputs['model'].label[:60]}"


REVISION = 2
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType[ProbeAnswersConfig](kind="probe", revision=REVISION, label=probe_label)
