"""Config of a sweep: the variations, and the figure to rank by."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from tasks.common.settings import Config, renamed
from tasks.recipe import Recipe

DeploymentName = Annotated[str, Field(pattern=r"^leakage-premium/[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")]
SettingPath = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", max_length=200)]
SweepName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,40}$")]
Values = Annotated[list[JsonValue], Field(min_length=1, max_length=100)]
MetricName = Annotated[
    Literal[
        "lookahead",
        "gain",
        "reduction",
        "trained_against_placebo",
        "premium_trained",
        "premium_base",
        "shared_day_effect_trained",
        "shared_day_effect_base",
        "disjoint_trained",
    ],
    renamed("rank_by", construction_trained="shared_day_effect_trained", construction_base="shared_day_effect_base"),
]


class Variation(Config):
    """One recipe of the comparison."""

    name: SweepName | None = None
    """Name of its run; by default the recipe's name and the settings below."""
    deployment: DeploymentName | None = None
    """Another deployment than the sweep's, such as `leakage-premium/smoke-full-weight`; its recipe is varied."""
    recipe: Recipe | None = None
    """Another recipe than the deployment's."""
    settings: dict[SettingPath, JsonValue] = {}
    """Changed settings: dotted path to value, such as `{"train.learning_rate": 0.001}`. A new `kind` drops the
    settings of the old one."""


class SweepConfig(Config):
    """Variations of a recipe, run side by side and ranked."""

    name: SweepName
    """Name of the sweep in the UI; its table is the artifact `sweep-NAME`."""
    deployment: DeploymentName
    """Deployment whose recipe is varied and which runs the variations, such as `leakage-premium/smoke`."""
    recipe: Recipe | None = None
    """Another recipe than the deployment's; omitted fields have the defaults."""
    variations: list[Variation] = Field(default_factory=list, max_length=200)
    """The recipes to compare, one by one: LoRA against full weight is a list of two."""
    grid: dict[SettingPath, Values] = {}
    """Dotted path to a list of values, such as `{"train.learning_rate": [0.001, 0.002]}`: every combination, for each
    of the variations above if there are any."""
    rank_by: MetricName = "lookahead"
    """The figure to rank by: highest first for lookahead, gain, reduction and trained_against_placebo, else lowest."""
    same_base: bool = False
    """Refuse variations whose base models' figures would differ: a direct comparison of trainings."""
    at_once: int = Field(2, ge=1, le=64)
    """Variations that run at a time; their stages also wait for their pools."""
    max_variations: int = Field(16, ge=2, le=200)
    """More variations are refused before any run starts."""
