"""The probe_items stage's config and artifact type."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.common.settings import NOT_IDENTITY, UNLESS_DEFAULT, Config, check_absolute
from tasks.schemas.entities import Entities
from tasks.schemas.probe import Variant
from tasks.store.refs import ArtifactRef, ArtifactType, Sha256

Period = Literal["month", "year"]


class DocumentsConfig(Config):
    """Which dated documents are scored. None of them is in the training text."""

    period: Period = "year"
    """Documents are drawn per calendar year or month."""
    n_per_period: int = Field(20, ge=1, le=100_000)
    """Documents per period, in an order given by seed and id; all of a period that has fewer."""
    min_bytes: int = Field(512, ge=16, le=1_048_576)
    """Shortest document in bytes of UTF-8."""
    max_bytes: int = Field(8_192, ge=64, le=16_777_216)
    """Longer documents are cut at the last space before; their beginning is scored."""
    max_overlap: float | None = Field(None, ge=0, lt=1, json_schema_extra=UNLESS_DEFAULT)
    """Documents of which a larger share of the word 13-grams is in the training text are left out and counted. Null:
    all are scored."""

    @model_validator(mode="after")
    def _leaves_some(self) -> Self:
        if self.min_bytes > self.max_bytes:
            raise ValueError(
                f"min_bytes={self.min_bytes} is more than max_bytes={self.max_bytes}, so no document would be left; "
                "lower min_bytes"
            )
        return self


class ClozeFacts(Config):
    """Items made from documents by rule: the last words of a sentence, beside those of others of the same period."""

    kind: Literal["cloze"] = "cloze"
    sentences_of: Literal["held_out", "all"] = "all"
    """`held_out`: the documents that are scored. `all`: documents trained on too, whose sentences a model may know."""
    period: Period = "year"
    """Items are drawn per calendar year or month, and wrong answers are of the same one."""
    n_per_period: int = Field(20, ge=1, le=100_000)
    """Items per period; all of one that has fewer."""
    n_words: int = Field(1, ge=1, le=8)
    """Words of the answer."""
    n_wrong: int = Field(3, ge=1, le=15)
    """Wrong answers of each item, as many words and bytes long as the true one."""
    min_prompt_words: int = Field(8, ge=1, le=256)
    """Fewest words of the sentence before the answer."""
    max_prompt_words: int = Field(40, ge=1, le=1_024)
    """Most words of it."""

    @model_validator(mode="after")
    def _leaves_some(self) -> Self:
        if self.min_prompt_words > self.max_prompt_words:
            raise ValueError(
                f"min_prompt_words={self.min_prompt_words} is more than max_prompt_words={self.max_prompt_words}; "
                "lower it"
            )
        return self


class FileFacts(Config):
    """Items from a file: one JSON object per line with id, date, prompt, answer and wrong."""

    kind: Literal["file"] = "file"
    path: str = Field(min_length=1)
    """Path of the file: .jsonl, or .parquet with the same columns."""
    sha256: Sha256 | None = None
    """Digest it must have. Without it, other content under the same path counts as the same items."""

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        if "://" in self.path:
            raise ValueError(f"path is {self.path!r}, and facts are read from this machine; download the file")
        check_absolute(self.path, self.sha256)
        return self


class QuestionsConfig(Config):
    """Questions on the panel's rows: does the model tell the direction from entity and day alone?"""

    n_rows: int | None = Field(2_000, ge=2)
    """Rows that are asked about, spread over the days. Null: all."""
    variants: tuple[Variant, ...] = Field(
        ("date_only", "entity_neutral", "date_removed", "both", "fictitious_entity"), min_length=1
    )
    """`date_only` names entity and day. `entity_neutral` names no entity, `date_removed` no day, `both` neither, and
    `fictitious_entity` one that does not exist."""
    wording: str | None = Field(None, min_length=1, max_length=2_000)
    """The question on a table whose target is no price's return, with `{entity}` and `{date}`, such as
    `Did sales of {entity} rise after {date}?`. Null: the wording for prices."""

    @field_validator("wording")
    @classmethod
    def _names_entity_and_day(cls, wording: str | None) -> str | None:
        if wording is not None and not (wording.count("{entity}") == 1 and "{date}" in wording):
            raise ValueError(
                f"wording is {wording!r}, and needs {{entity}} once and {{date}}, which each variant replaces"
            )
        return wording

    @model_validator(mode="after")
    def _has_each_once(self) -> Self:
        if "date_only" not in self.variants:
            raise ValueError("variants lack date_only, which the others are controls of; add it")
        if len(set(self.variants)) < len(self.variants):
            raise ValueError(f"variants name one twice: {', '.join(self.variants)}")
        return self


Facts = Annotated[ClozeFacts | FileFacts, Field(discriminator="kind")]


class ProbeItemsConfig(Config):
    """What models are asked."""

    documents: DocumentsConfig = DocumentsConfig()
    facts: Facts | None = None
    """Dated items that a model recognises or not; null for none."""
    questions: QuestionsConfig | None = QuestionsConfig()
    """Null: no question on the panel's rows."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of documents, items, rows and made-up names drawn."""
    entities: Entities = Entities()
    """How the panel's entities are named; the pipeline sets it from the panel's source."""
    cutoffs: dict[str, date] = Field(default_factory=dict, json_schema_extra=NOT_IDENTITY)
    """Last day of each probed model's text, as far as known; the pipeline sets it. Documents must be on both sides of
    one of them."""


def probe_items_label(config: ProbeItemsConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: that of the documents' corpus, or of the panel."""
    return inputs["documents" if "documents" in inputs else "panel"].label


REVISION = 1
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType[ProbeItemsConfig](kind="probe_items", revision=REVISION, label=probe_items_label)
