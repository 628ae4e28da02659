"""Config of the mix stage: sources with their roles, weights and caps, the hold-out, and the questions."""

from collections import Counter
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from tasks.common.duplicates.config import Deduplicate
from tasks.common.settings import UNLESS_DEFAULT, Config, check_absolute
from tasks.formulas.files import catalogue_sha256
from tasks.sampling.holdout import HoldoutConfig
from tasks.store.refs import ArtifactType, Sha256

Role = Literal["sft", "preference"]
LEAST_WEIGHT = 0.01
Column = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")]


class SourceConfig(Config):
    """What every source has."""

    weight: float = Field(1.0, ge=0, le=10)
    """Where in the first pass its examples come: its share of the role's examples as long as all of the role's sources
    have some left. How many there are, caps decide. 0 leaves it out."""
    cap: int | None = Field(None, ge=1)
    """Examples taken at most, before duplicates are dropped; drawn with the seed. Null: all."""

    @model_validator(mode="after")
    def _is_drawn_often_enough(self) -> Self:
        # Sources are drawn until the rarest has no example left.
        if 0 < self.weight < LEAST_WEIGHT:
            raise ValueError(
                f"weight={self.weight:g} is below {LEAST_WEIGHT:g}; raise the weights together, or set it to 0"
            )
        return self


class DataFile(Config):
    """A file of examples."""

    path: str = Field(min_length=1)
    """Path or URL of a file in any format that `datasets` reads, packed or not."""
    format: str | None = Field(None, pattern=r"^[a-z0-9]+$")
    """Such as `json` (an example per line), `parquet` or `csv`; by the file's extension if null."""
    sha256: Sha256 | None = None
    """Digest that it must have. Without it, other content under the same path counts as the same mix."""

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        check_absolute(self.path, self.sha256)
        return self


class FilesSource(SourceConfig):
    """Examples from files.

    A row of the role `sft` has either messages, or a prompt and an answer; one of the role `preference` has a prompt,
    a chosen answer and a rejected one.
    """

    kind: Literal["files"] = "files"
    name: Name
    """Name in counts and errors."""
    role: Role
    """What its rows are examples of."""
    files: tuple[DataFile, ...] = Field(min_length=1)
    """Its files, read in this order."""
    messages: Column | None = None
    """Column of a list of messages with role and content, the assistant's last; null where rows have prompts."""
    prompt: Column = "prompt"
    """Column of the user's text, or of a list of messages that ends with it."""
    answer: Column = "answer"
    """Column of the answer, of the role `sft`."""
    chosen: Column = "chosen"
    """Column of the better answer, of the role `preference`."""
    rejected: Column = "rejected"
    """Column of the worse one."""
    group: Column | None = None
    """Column by which rows are counted, such as a currency pair."""
    day: Column | None = None
    """Column of the day whose information a prompt holds, as an ISO day; null for text without days."""
    label_until: Column | None = None
    """Column of the last day that an answer knows; by default that is the prompt's day. Without `day`, it
    decides alone whether a row may be trained on."""
    on_malformed: Literal["refuse", "count"] = "refuse"
    """A row that is not an example ends the run, or is dropped and counted."""

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        if self.messages and self.role == "preference":
            raise ValueError(f"source {self.name!r} has messages, which are for the role sft; name its prompt instead")
        return self


class FeaturesSource(SourceConfig):
    """Feature examples: a panel row's features, and whether the pair rose or fell."""

    kind: Literal["features"] = "features"
    name: Name = "features"
    """Name in counts and errors."""
    role: Literal["sft"] = "sft"
    """They are conversations."""
    n_per_pair: int = Field(200, ge=1, le=100_000)
    """Rows drawn per currency pair; all of a pair that has fewer."""
    first_day: date | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """Rows before it are left out; null for none."""
    last_day: date | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """Rows after it are left out; null for none but the hold-out's."""


class ScenariosSource(SourceConfig):
    """Trade scenarios: a stop and a size, by rule, from the row's volatility."""

    kind: Literal["scenarios"] = "scenarios"
    name: Name = "scenarios"
    """Name in counts and errors."""
    role: Literal["sft"] = "sft"
    """They are conversations."""
    n_per_pair: int = Field(100, ge=1, le=100_000)
    """Rows drawn per currency pair; all of a pair that has fewer."""


class PairsSource(SourceConfig):
    """Preference pairs: two answers, of which the outcome makes one the better."""

    kind: Literal["pairs"] = "pairs"
    name: Name = "pairs"
    """Name in counts and errors."""
    role: Literal["preference"] = "preference"
    """They are preference pairs."""
    n_per_pair: int = Field(50, ge=1, le=100_000)
    """Rows drawn per currency pair; all of a pair that has fewer."""
    prompts: Literal["features", "scenarios"] = "features"
    """What is asked: the direction, or on which side to trade."""


class FormulasSource(SourceConfig):
    """Formulas that are not held out: definitions, and examples computed from closes before the hold-out."""

    kind: Literal["formulas"] = "formulas"
    name: Name = "formulas"
    """Name in counts and errors."""
    role: Literal["sft"] = "sft"
    """They are conversations."""
    n_computed: int = Field(1, ge=0, le=20)
    """Computed examples per formula."""
    max_numbers: int = Field(60, ge=1, le=2_000)
    """Numbers that an example shows at most; formulas that need more have none."""


Source = Annotated[
    FilesSource | FeaturesSource | ScenariosSource | PairsSource | FormulasSource, Field(discriminator="kind")
]


class MixConfig(HoldoutConfig):
    """Examples to train on before the hold-out, and questions after it."""

    sources: tuple[Source, ...] = Field(
        (FeaturesSource(), ScenariosSource(), PairsSource(), FormulasSource()), min_length=1
    )
    """Where examples come from. Of duplicates in several sources, the first one's is kept."""
    system: str | None = Field(None, min_length=1)
    """System message of every prompt that has none of its own."""
    names_pair: bool = True
    """Whether generated prompts and questions name the currency pair."""
    names_day: bool = False
    """Whether they name the day and show levels such as log_close, by which a day can be recognized."""
    decimals: int = Field(4, ge=2, le=8)
    """Decimals of the features they show."""
    near_duplicates: Deduplicate | None = Deduplicate()
    """Drop rows of files that are nearly a row or question before them; null drops exact duplicates alone."""
    held_out_formulas: float = Field(0.2, ge=0, le=0.5)
    """Share of each family's formulas of which nothing is trained on."""
    n_directions: int | None = Field(None, ge=1)
    """Questions about hold-out rows at most, spread evenly over the days. Null: one for each row."""
    n_knowledge: int | None = Field(None, ge=1)
    """Questions about held-out formulas at most. Null: one for each."""
    max_gap_days: int = Field(45, ge=1, le=3_650)
    """Calendar days between a pair's neighbouring rows, or from a row to its label's last day, at most. The default is
    about the 30 prices of the features' longest window."""
    seed: int = Field(0, ge=0, le=2**32 - 1)
    """Seed of drawn rows, wordings, held-out formulas, caps and the training order."""

    def identity(self) -> dict[str, JsonValue]:
        """The fields, and the digest of the formulas' files, which examples and questions are made of."""
        return super().identity() | {"catalogue_sha256": catalogue_sha256()}

    @model_validator(mode="after")
    def _can_be_mixed(self) -> Self:
        names = Counter(source.name for source in self.sources)
        if twice := [name for name, n_sources in names.items() if n_sources > 1]:
            raise ValueError(f"two sources are named {twice[0]!r}; rename one")
        for role in dict.fromkeys(source.role for source in self.sources):
            own = [source for source in self.sources if source.role == role]
            if not any(source.weight for source in own):
                raise ValueError(
                    f"the weights of the role {role} ({', '.join(source.name for source in own)}) sum to 0; give one "
                    "of them a weight, or leave the sources out"
                )
        return self


REVISION = 1
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType[MixConfig](
    kind="mix", revision=REVISION, label=lambda config, inputs: inputs["panel"].label
)
