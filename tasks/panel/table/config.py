"""What a table's columns mean, and which table."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.common.settings import Config, check_absolute
from tasks.panel.table.template import columns_of, undated_template
from tasks.schemas.artifacts import Panel
from tasks.store.refs import Sha256

TargetKind = Literal["number", "binary"]


class TableColumns(Config):
    """What the columns of a dated table mean: one row per entity and day."""

    entity: str = Field("entity", min_length=1)
    """Column of what is measured over time, such as a patient, a user or a news topic. Folds and draws go by it."""
    time: str = Field("time", min_length=1)
    """Column of the row's day: ISO days or times, in one time zone. Of a time, the day in its own zone counts."""
    target: str = Field("target", min_length=1)
    """Column of the number to predict."""
    target_kind: Literal["auto", "number", "binary"] = "auto"
    """`binary`: 0 or 1, and every R2 is a Brier skill score. `auto`: binary if there are no other values."""
    label_from: str | None = Field(None, min_length=1)
    """Column of the first day that the target is made of; the row's day if null."""
    label_until: str | None = Field(None, min_length=1)
    """Column of the last day that the target is made of, by which splits are purged; the row's day if null."""
    overlapping_labels: Literal["refuse", "allow"] = "refuse"
    """Whether two rows of an entity may have targets made of a common day. Purging keeps them apart across a cut;
    within a side they count as more rows than they are worth."""
    features: tuple[str, ...] = Field((), max_length=1_000)
    """Columns of numbers known on the row's day, which are fitted beside every model's states."""
    text: str | None = Field(None, min_length=1)
    """Column of the sentence that a model reads. With neither it nor a template, a panel serves only states that are
    brought along."""
    text_undated: str | None = Field(None, min_length=1)
    """Column of the same sentence without its day, for the control `undated_prompt`."""
    template: str | None = Field(None, min_length=1, max_length=10_000)
    """Sentence with columns in braces, such as `On {date}, {entity} had x {x:.2f}.`, instead of a text column:
    `{entity}`, `{date}` (the row's day) and any other column but those of the target and its label."""
    template_undated: str | None = Field(None, min_length=1, max_length=10_000)
    """The sentence without its day. Null: the template's rest after a first `On {date}, `, or the template itself if it
    has no day; none if its day is elsewhere."""

    @field_validator("template", "template_undated")
    @classmethod
    def _is_a_template(cls, template: str | None) -> str | None:
        columns_of(template)
        return template

    @model_validator(mode="after")
    def _columns_have_one_meaning(self) -> Self:
        _check_texts(self)
        _check_roles(self)
        return self

    @property
    def sentences(self) -> tuple[str, ...]:
        """The panel's sentence columns."""
        has_dated = self.text or self.template
        has_undated = self.text_undated if self.text else self.undated
        return tuple(name for name, found in zip(Panel.TEXTS, (has_dated, has_undated), strict=True) if found)

    @property
    def undated(self) -> str | None:
        """Template of the sentence without its day, if there is one."""
        return self.template_undated or undated_template(self.template)

    @property
    def of_template(self) -> dict[str, bool]:
        """Columns of the file that the templates use, and whether each is formatted as a number."""
        used = columns_of((self.template or "") + (self.undated or ""))
        return {name: is_number for name, is_number in used.items() if name not in ("entity", "date")}

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that tell of the target."""
        return tuple(name for name in (self.target, self.label_from, self.label_until) if name)


class TableSource(TableColumns):
    """Any dated table: CSV, parquet, or another format that `datasets` reads."""

    kind: Literal["table"] = "table"
    path: str = Field(min_length=1)
    """Path or URL of the file, such as `hf://datasets/OWNER/NAME@COMMIT/FILE.parquet`; its extension names the
    format."""
    sha256: Sha256 | None = None
    """Digest the file must have. Without it, other content under the same path counts as the same panel."""

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        check_absolute(self.path, self.sha256)
        return self


def _check_texts(columns: TableColumns) -> None:
    if columns.text and (columns.template or columns.template_undated):
        raise ValueError("text and template both make the sentences; leave one of the two out")
    for name, needs in (("text_undated", "text"), ("template_undated", "template")):
        if getattr(columns, name) and not getattr(columns, needs):
            raise ValueError(f"{name} is the sentence of {needs} without its day; give {needs}, or leave {name} out")
    if dated := {"date", columns.time} & columns_of(columns.template_undated).keys():
        raise ValueError(f"template_undated has {{{min(dated)}}}, and is the sentence without its day; remove it")


def _check_roles(columns: TableColumns) -> None:
    keys = [columns.entity, columns.time, columns.target]
    if repeated := {name for name in (*keys, *columns.features) if (*keys, *columns.features).count(name) > 1}:
        raise ValueError(f"column {min(repeated)!r} is named twice among entity, time, target and features")
    if reserved := [name for name in columns.features if name in Panel.NOT_FEATURES]:
        raise ValueError(f"feature {reserved[0]!r} is the name of a panel's own column; rename it in the table")
    readable = {*columns.features, columns.text, columns.text_undated, *columns.of_template}
    if told := readable & set(columns.label_columns):
        raise ValueError(f"column {min(map(str, told))!r} tells of the target, so no sentence or feature may hold it")
