"""The recipe: every room's config in one frozen tree, from a YAML file or the UI's form."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, JsonValue, ValidationError, ValidationInfo, field_validator

from tasks.base.config import BaseConfig
from tasks.common.errors import HindsightError
from tasks.common.settings import NOT_IDENTITY, Config
from tasks.corpus.config import CorpusConfig
from tasks.costs.limits import Limits
from tasks.embed.config import EmbedConfig
from tasks.merge.config import MergeConfig
from tasks.panel.config import PanelConfig
from tasks.premium.config import PremiumConfig
from tasks.report.config import ReportConfig
from tasks.train.config import TrainConfig


class BadRecipe(HindsightError):
    """A recipe file that cannot be read as a recipe."""


class Route(Config):
    """Which pool runs the stages that need a GPU at true size."""

    train: Literal["h100", "h100x8"] = "h100"
    """`h100` for one GPU, `h100x8` for a node of eight."""
    merge: Literal["h100", "cpu"] = "h100"
    """`cpu` where the model fits in that pool's memory."""
    embed: Literal["h100", "cpu"] = "h100"
    """`cpu` where the model is small."""


class Recipe(Config):
    """All that decides a leakage-premium run's numbers. Unsaid fields keep the reference's settings."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$")] = Field(json_schema_extra=NOT_IDENTITY)
    """What the run is called in the UI; two recipes that differ only in it share all artifacts."""
    base: BaseConfig = BaseConfig()
    corpus: CorpusConfig = CorpusConfig()
    panel: PanelConfig = PanelConfig()
    train: TrainConfig = TrainConfig()
    merge: MergeConfig = MergeConfig()
    embed: EmbedConfig = EmbedConfig()
    premium: PremiumConfig = PremiumConfig()
    report: ReportConfig = ReportConfig()
    placebo: bool = False
    """Also train on as many tokens from after the cutoff: what training alone does, whatever the text knew."""
    route: Route = Field(default=Route(), json_schema_extra=NOT_IDENTITY)
    limits: Limits = Field(default=Limits(), json_schema_extra=NOT_IDENTITY)

    @field_validator("placebo")
    @classmethod
    def _differs_from_the_corpus(cls, placebo: bool, info: ValidationInfo) -> bool:
        corpus = info.data.get("corpus")
        if placebo and corpus is not None and corpus.side == "after":
            raise ValueError("corpus.side = 'after' is the placebo's own corpus; leave one of the two out")
        return placebo

    @property
    def placebo_corpus(self) -> CorpusConfig:
        """As many tokens of the same source, drawn in the same way, all of them from after the cutoff."""
        return self.corpus.model_copy(update={"side": "after"})


def load_recipe(file: Path) -> Recipe:
    """Read a recipe from YAML.

    Raises:
        BadRecipe: If the file is absent, no YAML mapping, or holds an unknown key or a value out of bounds.
    """
    try:
        content: JsonValue = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRecipe(f"recipe {file} cannot be read: {error.strerror}; recipes lie in configs/.") from error
    except yaml.YAMLError as error:
        raise BadRecipe(f"recipe {file} is no YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict):
        raise BadRecipe(f"recipe {file} holds a {type(content).__name__}, not a mapping of rooms to settings.")
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise BadRecipe(f"recipe {file}: {'; '.join(_sentences(error))}.") from error


def _sentences(error: ValidationError) -> list[str]:
    return [_sentence(".".join(map(str, line["loc"])), line["msg"], line["input"]) for line in error.errors()]


def _sentence(place: str, message: str, value: object) -> str:
    if message.startswith("Extra inputs"):
        return f"{place} is no known key; see docs/recipe.md for the keys there are"
    bound = message[0].lower() + message[1:]
    return f"{place} = {value!r}: {bound}"
