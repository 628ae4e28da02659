"""The merge stage's config and artifact type."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tasks.common.settings import Config
from tasks.store.refs import ArtifactRef, ArtifactType

Prompt = Annotated[str, Field(min_length=1, max_length=2_000)]


class MergeConfig(Config):
    """How trained weights and their base become one model, and how its logits are compared."""

    dtype: Literal["base", "fp32", "bf16"] = "base"
    """Number format of the merged weights: the base's, tensor by tensor, or one for all. Casts round to nearest and are
    counted in the facts."""
    shard_gigabytes: float = Field(5, gt=0, le=50)
    """Size limit of a weight file in GB (10^9 bytes); a larger tensor gets a file of its own."""
    tolerance: float = Field(0.01, gt=0, le=0.01)
    """Adapters: largest logit difference allowed, as a fraction of the largest logit change by training, or the
    rounding noise of the merged number format if that is more. Full weights must not differ at all."""
    prompts: tuple[Prompt, ...] = Field(
        (
            "On 4 January 2016 the closing price of the stock was",
            "The committee decided to leave the rate unchanged because",
            "Fellow citizens of the Senate and House of Representatives:",
            "1, 1, 2, 3, 5, 8, 13,",
        ),
        min_length=1,
        max_length=64,
    )
    """Texts; the logits are compared at every token."""


def merge_label(config: MergeConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: that of the training."""
    return inputs["train"].label


REVISION = 3
"""Raised when the same input gives other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="merge", revision=REVISION, label=merge_label)
