"""How a merge is made and verified."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tasks.common.settings import Config
from tasks.store.refs import ArtifactRef, ArtifactType

Prompt = Annotated[str, Field(min_length=1, max_length=2_000)]


class MergeConfig(Config):
    """Trained weights made one model with its base, compared by logits on a few prompts."""

    dtype: Literal["base", "fp32", "bf16"] = "base"
    """Number format of the merged weights: the base's, tensor by tensor, or one for all. Wider ones are rounded to
    nearest; what was rounded is counted in the facts."""
    shard_gigabytes: float = Field(5, gt=0, le=50)
    """Most bytes of a weight file, in units of 10^9; a single larger tensor gets a file of its own."""
    tolerance: float = Field(0.01, gt=0, le=0.01)
    """Adapters: largest difference allowed, as a share of the largest distance training moved a logit, or what
    arithmetic alone gives in the merged number format, where that is more. Full weights must not differ at all."""
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
    """Texts on whose every position the logits are compared."""


def merge_label(config: MergeConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: the training's."""
    return inputs["train"].label


REVISION = 2
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="merge", revision=REVISION, label=merge_label)
