"""Hours and dollars of the rented stages, from the reference's figures."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from tasks.costs.hardware import POOLS
from tasks.costs.prices import SECONDS_PER_HOUR, dollars
from tasks.preflight.checks.planned_run import Subject
from tasks.train.estimates.speed import REFERENCE_ACTIVE, Span, training_hours

REFERENCE_PARAMETERS = 34_660_610_688
MERGE_HOURS = 1.5 / 2.39
"""The reference paid $1.50 for merging its full-weight checkpoint, at $2.39 an hour."""
SENTENCES_PER_SECOND = (5.9, 9.2)
"""60,000 sentences, base and trained, took the reference 2 h 50 min in one report and 1 h 49 min in the other, loading
and scoring included."""


@dataclass(frozen=True)
class Forecast:
    """One stage.

    Args:
        step: As the pipeline calls it.
        pool: Where it is routed.
        hours: Of the pool's machine; None where nobody has measured the like.
        dollars: The same in dollars; None where there are no hours or no price.
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
        """For the record: pool, hours and dollars, each from low to high."""
        return {
            "pool": self.pool,
            "hours": None if self.hours is None else [self.hours.low, self.hours.high],
            "dollars": None if self.dollars is None else [self.dollars.low, self.dollars.high],
        }


def forecast(subject: Subject) -> list[Forecast]:
    """Every stage that the recipe routes to a pool, in the pipeline's order; none where plain kernels rent nothing.

    Raises:
        BadPrices: If the price list cannot be read.
    """
    if not subject.rents:
        return []
    return [
        Forecast(step, pool, hours, None if hours is None else _dollars(hours, pool))
        for step, pool, hours in _hours(subject)
    ]


def total(stages: list[Forecast]) -> Forecast:
    """All stages that have hours, added up; dollars only if each of them has a price."""
    known = [(stage.hours, stage.dollars) for stage in stages if stage.hours is not None]
    hours, spent = Span(0, 0), Span(0, 0)
    for stage_hours, stage_dollars in known:
        hours = hours.plus(stage_hours)
        spent = spent.plus(stage_dollars or Span(0, 0))
    priced = all(stage_dollars is not None for _, stage_dollars in known)
    return Forecast("all", "all pools", hours, spent if priced else None)


def _hours(subject: Subject) -> Iterator[tuple[str, str, Span | None]]:
    route = subject.recipe.route
    train = training_hours(subject.sizes, subject.recipe.train, subject.n_rows)
    merge = None if route.merge == "cpu" else _merge_hours(subject)
    embed = None if route.embed == "cpu" else _embed_hours(subject)
    yield "embed base", route.embed, embed
    for variant in ("trained", "placebo")[: subject.n_runs]:
        suffix = "" if variant == "trained" else f" {variant}"
        yield f"train{suffix}", route.train, train
        yield f"merge{suffix}", route.merge, merge
        yield f"embed {variant}", route.embed, embed


def _merge_hours(subject: Subject) -> Span:
    hours = MERGE_HOURS * subject.sizes.n_parameters / REFERENCE_PARAMETERS
    return Span(hours, hours)


def _embed_hours(subject: Subject) -> Span:
    n_sentences = subject.n_panel_rows * (1 + subject.recipe.embed.undated)
    seconds = n_sentences * subject.sizes.n_active / REFERENCE_ACTIVE
    slow, fast = SENTENCES_PER_SECOND
    return Span(seconds / fast / SECONDS_PER_HOUR, seconds / slow / SECONDS_PER_HOUR)


def _dollars(hours: Span, pool: str) -> Span | None:
    per_hour = dollars(SECONDS_PER_HOUR, pool) if pool in POOLS else None
    return None if per_hour is None else hours.times(per_hour)
