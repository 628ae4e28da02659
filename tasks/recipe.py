"""The recipe: the configs of all stages in one frozen tree, from a YAML file or the UI's form."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tasks.base.config import BaseConfig, HubSource
from tasks.common.errors import HindsightError
from tasks.common.settings import NOT_IDENTITY, UNLESS_DEFAULT, Config, project_root
from tasks.common.yaml_file import read_yaml
from tasks.corpus.config import CorpusConfig
from tasks.costs.limits import Limits
from tasks.embed.config import EmbedConfig
from tasks.merge.config import MergeConfig
from tasks.panel.config import PanelConfig, Source
from tasks.panel.table.config import TableSource
from tasks.premium.config import PremiumConfig
from tasks.probe.items.config import ProbeItemsConfig
from tasks.probe.recall.config import RecallConfig
from tasks.recall_probes import ProbeConfig, check_documents
from tasks.report.config import ReportConfig
from tasks.train.config import TrainConfig

NO_RECIPES = ("prices.yaml", "budgets.yaml", "rent.yaml")
"""In configs/, but no recipe."""


RunName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$")]


class BadRecipe(HindsightError):
    """The file is not a recipe."""


class Route(Config):
    """Which pool runs the stages that need a GPU at true size."""

    train: Literal["h100", "h100x8"] = "h100"
    """`h100` for one GPU, `h100x8` for a node of eight."""
    merge: Literal["h100", "cpu"] = "h100"
    """`cpu` if the model fits in that pool's memory."""
    embed: Literal["h100", "cpu"] = "h100"
    """`cpu` if the model is small."""
    probe: Literal["h100", "cpu"] = "h100"
    """`cpu` if the model is small."""


class Recipe(Config):
    """Everything that decides a leakage-premium run's numbers. Fields left out keep the reference's settings."""

    pipeline: Literal["leakage-premium"] = Field("leakage-premium", json_schema_extra=NOT_IDENTITY)
    """The pipeline that the file is for; a file without it is a recipe of leakage-premium."""
    name: RunName = Field(json_schema_extra=NOT_IDENTITY)
    """The run's name in the UI; recipes that differ only in it share all artifacts."""
    base: BaseConfig = BaseConfig()
    corpus: CorpusConfig = CorpusConfig()
    panel: PanelConfig = PanelConfig()
    train: TrainConfig = TrainConfig()
    merge: MergeConfig = MergeConfig()
    embed: EmbedConfig = EmbedConfig()
    premium: PremiumConfig = PremiumConfig()
    report: ReportConfig = ReportConfig()
    placebo: bool = False
    """Also train on as many tokens from after the cutoff: the effect of training itself, without the text's date."""
    probe: ProbeConfig | None = Field(None, json_schema_extra=UNLESS_DEFAULT)
    """Recall probes of base, trained and placebo: dated documents, facts, and directions from entity and day alone."""
    route: Route = Field(default=Route(), json_schema_extra=NOT_IDENTITY)
    limits: Limits = Field(default=Limits(), json_schema_extra=NOT_IDENTITY)

    @field_validator("placebo")
    @classmethod
    def _differs_from_the_corpus(cls, placebo: bool, info: ValidationInfo) -> bool:
        corpus = info.data.get("corpus")
        if placebo and corpus is not None and corpus.side == "after":
            raise ValueError("corpus.side = 'after' is the placebo's own corpus; leave one of the two out")
        return placebo

    @model_validator(mode="after")
    def _compares_its_own_models(self) -> "Recipe":
        models = ("trained", "placebo") if self.placebo else ("trained",)
        if self.premium.reference not in (None, "base"):
            raise ValueError(f"premium.reference is {self.premium.reference!r}; here it is always 'base'")
        if unknown := [name for name in self.premium.compared if name not in models]:
            raise ValueError(f"premium.compared names {unknown[0]!r}; base is compared with {' and '.join(models)}")
        if self.premium.vintages:
            raise ValueError("premium.vintages is set; only audits stitch models, as each states its cutoff there")
        if self.premium.ladders:
            raise ValueError("premium.ladders is set; only audits compare models of a family, as each names it there")
        return self

    @field_validator("base")
    @classmethod
    def _needs_no_code_of_its_own(cls, base: BaseConfig) -> BaseConfig:
        if isinstance(base.source, HubSource) and base.source.allow_code:
            raise ValueError(
                "base.source.allow_code is set, and a repository's code runs in an audit's embed stage only; train a "
                "base of an architecture that transformers has"
            )
        return base

    @model_validator(mode="after")
    def _has_sentences_to_embed(self) -> "Recipe":
        check_sentences(self.panel.source, self.embed.undated)
        return self

    @model_validator(mode="after")
    def _can_be_probed(self) -> "Recipe":
        if self.probe is not None:
            _ = self.recall, self.probe_items
            check_documents(self.probe.corpus, self.corpus, self.placebo)
        return self

    @property
    def probed(self) -> tuple[str, ...]:
        """Models that the probes ask."""
        models = ("base", "trained", "placebo") if self.placebo else ("base", "trained")
        return self.probe.asked(models) if self.probe else ()

    @property
    def probe_items(self) -> ProbeItemsConfig | None:
        """What they are asked."""
        return self.probe.items_of(self.panel, {"trained": self.corpus.cutoff}) if self.probe else None

    @property
    def recall(self) -> RecallConfig | None:
        """Their answers' figures; trained knows its corpus's days."""
        cutoffs = {"trained": self.corpus.cutoff} | self.premium.cutoffs
        return self.probe.recall_of(self.probed, cutoffs) if self.probe else None

    @property
    def placebo_corpus(self) -> CorpusConfig:
        """The same source, budget and way of drawing, from after the cutoff only."""
        return self.corpus.model_copy(update={"side": "after"})


def check_sentences(source: Source, undated: bool) -> None:
    """Raise ValueError if the panel's source is a table without the sentences that a model is to read.

    Args:
        source: Of the panel.
        undated: Whether those without their day are read too.
    """
    if not isinstance(source, TableSource):
        return
    if "prompt" not in source.sentences:
        raise ValueError(
            "a model needs sentences, and the table has none: name panel.source.text, or write panel.source.template"
        )
    if undated and "prompt_undated" not in source.sentences:
        raise ValueError(
            "embed.undated needs the table's sentences without their day: give panel.source.template_undated (or "
            "text_undated), or set embed.undated to false and do without the control undated_prompt"
        )


def load_recipe(file: Path) -> Recipe:
    """Read a recipe from YAML.

    Raises:
        BadRecipe: If the file is absent, not a YAML mapping, or has an unknown key or a value out of bounds.
    """
    return read_yaml(file, Recipe, BadRecipe, "recipe", "docs/recipe.md")


def shipped_recipes() -> dict[str, Path]:
    """The project's recipes: the files of configs/ by name."""
    files = sorted((project_root() / "configs").glob("*.yaml"))
    return {file.stem: file for file in files if file.name not in NO_RECIPES}


def recipe_file(name: str) -> Path:
    """The file of a recipe that a person named: one of the project's, or a path.

    Raises:
        BadRecipe: If it is neither; with the nearest of the project's names.
    """
    shipped = shipped_recipes()
    if name in shipped:
        return shipped[name]
    if Path(name).is_file():
        return Path(name)
    nearest = get_close_matches(Path(name).stem, shipped, n=2)
    hint = f"; did you mean {' or '.join(nearest)}?" if nearest else "."
    raise BadRecipe(f"recipe {name!r} is neither a file nor one of the project's{hint} Those are {', '.join(shipped)}.")
