"""What the corpus is drawn from, and until which day."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field

from tasks.common.settings import NOT_IDENTITY, Config
from tasks.corpus.filters.cutoff import Cutoff, Side
from tasks.corpus.filters.near_config import Deduplicate
from tasks.corpus.sources.source_config import (
    DUMPS_AFTER_2017_26,
    DUMPS_UP_TO_2017_26,
    DumpName,
    FineWebSource,
    JsonlSource,
    SotuSource,
    Source,
)
from tasks.schemas.tokenizer import QwenTokenizer, TokenizerSource
from tasks.store.refs import ArtifactRef, ArtifactType

__all__ = [
    "DUMPS_AFTER_2017_26",
    "DUMPS_UP_TO_2017_26",
    "CorpusConfig",
    "DumpName",
    "FineWebSource",
    "JsonlSource",
    "SotuSource",
]


class CorpusConfig(Config):
    """Documents on one side of a day, in a seeded order, until the token budget is reached."""

    source: Source = FineWebSource()
    """Where documents come from."""
    cutoff: date = date(2017, 7, 2)
    """Last day whose text may be known; dump YYYY-WW ends on the Sunday of its ISO week."""
    side: Side = "known"
    """`known`: text on or before the cutoff. `after`: text of later days alone, as `placebo` trains on."""
    token_budget: int = Field(1_000_000_000, ge=1_000, le=10**13)
    """Tokens to draw for training; the last document of each share is kept whole."""
    validation_share: float = Field(0.005, ge=0, le=0.5, allow_inf_nan=False)
    """Share of documents, by a hash of seed and id, that is kept apart for validation, beyond the budget."""
    deduplicate: Deduplicate | None = None
    """Drop near-duplicates of documents drawn before; null keeps them, as FineWeb's dumps were deduplicated singly."""
    tokenizer: TokenizerSource = QwenTokenizer()
    """What counts tokens, and makes the ids."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the order in which documents are drawn."""
    shard_tokens: int = Field(1 << 24, ge=1_024, le=1 << 30)
    """Tokens after which a shard is closed."""
    batch_documents: int = Field(64, ge=1, le=4_096, json_schema_extra=NOT_IDENTITY)
    """Documents tokenized at once."""
    engine: Literal["auto", "transformers"] = Field("auto", json_schema_extra=NOT_IDENTITY)
    """`auto`: a faster tokenizer where it is proved to give the same ids, else transformers'."""


def corpus_label(config: CorpusConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: its source, its cutoff and, where it is the later one, its side."""
    until = Cutoff(config.cutoff).dump if isinstance(config.source, FineWebSource) else config.cutoff
    return f"{config.source.kind}-{until}{'' if config.side == 'known' else '-after'}"


REVISION = 2
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="corpus", revision=REVISION, label=corpus_label)
