"""The registry of pipelines: one row per pipeline. The command line, the plan and the table of runs read it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue, ValidationError

from flows.pipelines.adapter_release import adapter_release_pipeline
from flows.pipelines.direction_check import direction_check_pipeline
from flows.pipelines.leakage_audit import leakage_audit_pipeline
from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.pipelines.live_update import live_update_pipeline
from flows.pipelines.pipeline import Pipeline
from tasks.adapter_release import AdapterRelease
from tasks.audit import Audit
from tasks.common.yaml_file import load_yaml, read_yaml
from tasks.direction_check import DirectionCheck
from tasks.live_update import LiveUpdate
from tasks.recipe import BadRecipe, Recipe

if TYPE_CHECKING:
    from tasks.preflight.forecast import StageForecast

AnyRecipe = Recipe | Audit | DirectionCheck | AdapterRelease | LiveUpdate
"""The config of any pipeline: what a YAML file in configs/ holds."""
Facts = Mapping[str, Mapping[str, JsonValue]]
"""Facts of the artifacts that exist, by step."""


@dataclass(frozen=True)
class PipelineRow:
    """What is known of a pipeline beside its steps.

    Args:
        config: Its config's class; the default of its field `pipeline` is the pipeline's name.
        build: The steps of a config.
        flow: Entry point of the flow that runs it; its parameter `recipe` is the config, its name the pipeline's.
        forecast: Hours and dollars of rented steps from the config alone.
        notes: Sentences for a person who reads the plan.
        shown: The step whose artifact, a Report, is shown at the end; None where the run's state says it all.
    """

    config: type[AnyRecipe]
    build: Callable[[Any], Pipeline]
    flow: str
    forecast: Callable[[Any], "list[StageForecast]"]
    notes: Callable[[Any, Facts], Iterator[str]] = lambda _recipe, _facts: iter(())
    shown: str | None = "report"

    @property
    def name(self) -> str:
        """Of the pipeline, its flow, and the key `pipeline` in a file."""
        return str(self.config.model_fields["pipeline"].default)


def _forecast_recipe(recipe: Recipe) -> "list[StageForecast]":
    from tasks.preflight.forecast import forecast_recipe

    return forecast_recipe(recipe)


def _forecast_audit(audit: Audit) -> "list[StageForecast]":
    from tasks.preflight.forecast import forecast_audit

    return forecast_audit(audit)


def _forecast_release(release: AdapterRelease) -> "list[StageForecast]":
    from tasks.preflight.forecast import forecast_release

    return forecast_release(release)


def _audit_notes(audit: Audit, facts: Facts) -> Iterator[str]:
    last_day = facts.get("panel", {}).get("last_day")
    return audit.notes(date.fromisoformat(str(last_day)) if last_day else None)


PIPELINES: dict[str, PipelineRow] = {
    row.name: row
    for row in (
        PipelineRow(
            Recipe, leakage_premium_pipeline, "flows.leakage_premium.leakage_premium", forecast=_forecast_recipe
        ),
        PipelineRow(
            Audit,
            leakage_audit_pipeline,
            "flows.leakage_audit.leakage_audit",
            forecast=_forecast_audit,
            notes=_audit_notes,
        ),
        PipelineRow(
            DirectionCheck,
            direction_check_pipeline,
            "flows.direction_check.direction_check",
            # Nothing of it is rented.
            forecast=lambda _check: [],
        ),
        PipelineRow(
            AdapterRelease,
            adapter_release_pipeline,
            "flows.adapter_release.adapter_release",
            forecast=_forecast_release,
        ),
        PipelineRow(
            LiveUpdate,
            live_update_pipeline,
            "flows.live_update.live_update",
            # What an update takes follows from its outcomes: the table of looks shows what the last ones took.
            forecast=lambda _update: [],
            shown=None,
        ),
    )
}


def row_of(recipe: AnyRecipe) -> PipelineRow:
    """The row of a config's pipeline."""
    return PIPELINES[recipe.pipeline]


def pipeline_of(recipe: AnyRecipe) -> Pipeline:
    """The run that a config describes."""
    return row_of(recipe).build(recipe)


def load(file: Path) -> AnyRecipe:
    """Read a recipe of any pipeline from YAML; its key `pipeline` names which, and without it is leakage-premium's.

    Raises:
        BadRecipe: If the file is absent, not a YAML mapping, names no pipeline, or has an unknown key or a bad value.
    """
    content = load_yaml(file, BadRecipe, "recipe")
    named = content.get("pipeline", Recipe.model_fields["pipeline"].default) if isinstance(content, dict) else None
    if named is not None and named not in PIPELINES:
        raise BadRecipe(f"recipe {file}: pipeline = {named!r} is unknown; it is one of {', '.join(PIPELINES)}.")
    return read_yaml(file, PIPELINES[named].config if named else Recipe, BadRecipe, "recipe", "docs/recipe.md")


def recipe_of(parameters: Mapping[str, object]) -> AnyRecipe | None:
    """The recipe among a flow's parameters; None if no pipeline's config accepts it (of earlier settings)."""
    for row in PIPELINES.values():
        try:
            return row.config.model_validate(parameters.get("recipe"))
        except ValidationError:
            continue
    return None
