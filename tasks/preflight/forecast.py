"""StageForecast hours and dollars of the rented stages, from the rates of the reference run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tasks.adapter_release import AdapterRelease
from tasks.audit import Audit
from tasks.base.architecture import architecture_of
from tasks.costs.hardware import POOLS
from tasks.costs.prices import SECONDS_PER_HOUR, dollars
from tasks.embed.architecture import read_architecture
from tasks.embed.config import EmbedConfig
from tasks.preflight.planned_run import PlannedRun, PlannedTraining
from tasks.recipe import Recipe
from tasks.schemas.artifacts import ModelFolder
from tasks.train.estimates.sizes import sizes_of
from tasks.train.estimates.speed import REFERENCE_ACTIVE, Span, training_hours

REFERENCE_PARAMETERS = 34_660_610_688
MERGE_HOURS = 1.5 / 2.39
"""The reference paid $1.50 for merging its full-weight checkpoint, at $2.39 an hour."""
SENTENCES_PER_SECOND = (5.9, 9.2)
"""60,000 sentences, base and trained, took the reference 2 h 50 min in one report and 1 h 49 min in the other, loading
and scoring included."""


if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class StageForecast:
    """Hours and dollars of one stage.

    Args:
        step: Name in the pipeline.
        pool: The pool it runs on.
        hours: On the pool's machine; None without a measured rate.
        dollars: None without hours or without a price.
    """

    step: str
    pool: str
    hours: Span | None
    dollars: Span | None

    def __str__(self) -> str:
        if self.hours is None:
            return f"no rate is known on {self.pool}"
        price = "no price" if self.dollars is None else f"${self.dollars}"
        return f"{self.hours} h, {price} on {self.pool}, at the reference's rates"

    def facts(self) -> dict[str, JsonValue]:
        """Facts for the record: pool, and hours and dollars from low to high."""
        return {
            "pool": self.pool,
            "hours": None if self.hours is None else [self.hours.low, self.hours.high],
            "dollars": None if self.dollars is None else [self.dollars.low, self.dollars.high],
        }


def forecast(run: PlannedRun) -> list[StageForecast]:
    """Every stage that runs on a pool, in the pipeline's order; none for plain kernels, which rent nothing.

    Raises:
        BadPrices: If the price list cannot be read.
    """
    if not run.training.needs_gpus:
        return []
    return [
        StageForecast(step, pool, hours, None if hours is None else _dollars(hours, pool))
        for step, pool, hours in _hours(run)
    ]


def forecast_recipe(recipe: Recipe) -> list[StageForecast]:
    """The forecast from a recipe alone, before its corpus and panel exist: all rows full, all days drawn.

    Raises:
        BadPrices: If the price list cannot be read.
        HubUnavailable: If the base's architecture cannot be fetched.
    """
    n_sentences = recipe.panel.n_stocks * recipe.panel.dates_per_stock
    return forecast(PlannedRun.of(recipe, architecture_of(recipe.base), n_sentences))


def forecast_audit(
    audit: Audit, n_rows: int | None = None, models: Mapping[str, ModelFolder] | None = None
) -> list[StageForecast]:
    """Every rented embedding and probe of an audit; none on a CPU.

    Args:
        audit: Models, panel and route.
        n_rows: Of the panel; as many as the config allows if left out.
        models: The models by name; of hub models the config is downloaded if they are left out.

    Raises:
        BadPrices: If the price list cannot be read.
        HubUnavailable: If a model's architecture cannot be fetched.
        UnusableModel: If transformers does not know one.
    """
    pool, n_rows = audit.route.embed, n_rows or audit.panel.n_stocks * audit.panel.dates_per_stock
    # Nobody measured a rate.
    asked = [StageForecast(f"probe {name}", audit.route.probe, None, None) for name in audit.probed]
    asked = [stage for stage in asked if stage.pool != "cpu"]
    if pool == "cpu":
        return asked
    found = []
    for model in audit.models:
        if model.model is None:
            continue
        own = read_architecture(audit.embed, models[model.name]).config if models else architecture_of(model.model)
        n_active = _active_parameters(own)
        hours = None if n_active is None else _embed_hours(n_rows, n_active, audit.embed)
        price = None if hours is None else _dollars(hours, pool)
        found.append(StageForecast(f"embed {model.name}", pool, hours, price))
    return found + asked


def forecast_release(release: AdapterRelease) -> list[StageForecast]:
    """The rented trainings of a release. Before the mix exists its rows are unknown, and so are their hours."""
    if release.sft.kernels == "plain" and release.dpo.kernels == "plain":
        return []
    return [StageForecast(f"train {name}", release.route.train, None, None) for name in ("sft", "dpo")]


def forecast_trainings(trainings: Mapping[str, PlannedTraining]) -> list[StageForecast]:
    """Both trainings of a release; none for plain kernels, which rent nothing. Of its other stages no rate is known.

    Raises:
        BadPrices: If the price list cannot be read.
    """
    found = []
    for name, run in trainings.items():
        if not run.needs_gpus:
            continue
        hours = training_hours(run.sizes, run.train, run.n_rows, run.n_tokens)
        price = None if hours is None else _dollars(hours, run.pool)
        found.append(StageForecast(f"train {name}", run.pool, hours, price))
    return found


def _active_parameters(architecture: "PretrainedConfig") -> int | None:
    """Parameters that multiply a token; None for architectures that are no causal model, whose rate nobody measured."""
    try:
        return sizes_of(architecture).n_active
    except (ValueError, AttributeError):
        return None


def total(stages: list[StageForecast]) -> StageForecast:
    """Sum of all stages with hours; dollars only if each of them has a price."""
    known = [(stage.hours, stage.dollars) for stage in stages if stage.hours is not None]
    hours, spent = Span(0, 0), Span(0, 0)
    for stage_hours, stage_dollars in known:
        hours = hours.plus(stage_hours)
        spent = spent.plus(stage_dollars or Span(0, 0))
    priced = all(stage_dollars is not None for _, stage_dollars in known)
    return StageForecast("all", "all pools", hours, spent if priced else None)


def _hours(run: PlannedRun) -> Iterator[tuple[str, str, Span | None]]:
    route = run.recipe.route
    train = training_hours(run.training.sizes, run.recipe.train, run.training.n_rows)
    merge = None if route.merge == "cpu" else _merge_hours(run)
    embed = (
        None if route.embed == "cpu" else _embed_hours(run.n_panel_rows, run.training.sizes.n_active, run.recipe.embed)
    )
    yield "embed base", route.embed, embed
    for variant in ("trained", "placebo")[: run.n_trainings]:
        suffix = "" if variant == "trained" else f" {variant}"
        yield f"train{suffix}", route.train, train
        yield f"merge{suffix}", route.merge, merge
        yield f"embed {variant}", route.embed, embed
    # Nobody measured a rate.
    yield from ((f"probe {name}", route.probe, None) for name in run.recipe.probed)


def _merge_hours(run: PlannedRun) -> Span:
    hours = MERGE_HOURS * run.training.sizes.n_parameters / REFERENCE_PARAMETERS
    return Span(hours, hours)


def _embed_hours(n_rows: int, n_active: int, config: EmbedConfig) -> Span:
    seconds = n_rows * (1 + config.undated) * n_active / REFERENCE_ACTIVE
    slow, fast = SENTENCES_PER_SECOND
    return Span(seconds / fast / SECONDS_PER_HOUR, seconds / slow / SECONDS_PER_HOUR)


def _dollars(hours: Span, pool: str) -> Span | None:
    per_hour = dollars(SECONDS_PER_HOUR, pool) if pool in POOLS else None
    return None if per_hour is None else hours.times(per_hour)
