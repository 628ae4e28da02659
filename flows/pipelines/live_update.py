"""The live-update pipeline: outcomes, a short training from production, both versions' forecasts, and a look.

What is in production, and where the hold-out begins, only the run finds out: it fills an `Update` in.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flows.pipelines.pipeline import Pipeline, Step
from tasks.live.look_config import LookConfig, SwapConfig
from tasks.live.outcomes_config import OutcomesAt
from tasks.live_update import LiveUpdate
from tasks.mix.config import MixConfig
from tasks.store.refs import ArtifactRef

BASE, PRODUCTION, PREVIOUS, BEFORE = "production base", "production", "previous", "look before"
"""Names of the given artifacts."""
NEVER, NO_DAY = datetime(1970, 1, 1, tzinfo=UTC), date(1970, 1, 1)


@dataclass(frozen=True)
class Update:
    """What an update starts from.

    Args:
        at: The moment; only what was known by then counts.
        production: Name of the version in production.
        candidate: Name that the candidate gets.
        base: Of both.
        adapter: Production's.
        before: The line's last look.
        beside: Looks to which the last one does not go back.
        new_from: First day that production was not trained on.
        counted_until: Outcomes that became known later are new.
        holdout_from: First day of the hold-out.
        n_new: New outcomes.
    """

    at: datetime = NEVER
    production: str = "v0"
    candidate: str = "v1"
    base: ArtifactRef | None = None
    adapter: ArtifactRef | None = None
    before: ArtifactRef | None = None
    beside: tuple[ArtifactRef, ...] = ()
    new_from: date = NO_DAY
    counted_until: datetime | None = None
    holdout_from: date = NO_DAY
    n_new: int = 0


@dataclass(frozen=True)
class Swap:
    """A version in production and the one it replaced.

    Args:
        update: As an update would start from now; its hold-out begins on the swap's day.
        previous: Name of the version before.
        previous_adapter: That version's.
    """

    update: Update
    previous: str
    previous_adapter: ArtifactRef


def live_update_pipeline(recipe: LiveUpdate, update: Update | None = None) -> Pipeline:
    """An update's run; without an `Update` what a plan can know of it."""
    own = update or Update()
    given = {BASE: own.base, PRODUCTION: own.adapter} | ({BEFORE: own.before} if own.before else {})
    look = LookConfig(
        gate=recipe.gate,
        line=recipe.line,
        at=own.at,
        candidate=own.candidate,
        production=own.production,
        n_new_outcomes=own.n_new,
        beside=own.beside,
    )
    steps = (
        *outcome_steps(recipe, own),
        Step("mix", "mix", _mix(recipe, own), inputs={"panel": "outcomes"}),
        Step(
            "rows",
            "align",
            recipe.align.model_copy(update=recipe.templated),
            inputs={"base": BASE, "mix": "mix"},
        ),
        _forecast(recipe, "forecast production", PRODUCTION),
        Step(
            "train",
            "train",
            recipe.trained,
            inputs={"base": BASE, "corpus": "rows", "start": PRODUCTION},
            # An adapter that does not fit, or a question that cannot be put, ends the run before a training is paid.
            after=("forecast production",),
            pool=recipe.route.train,
        ),
        _forecast(recipe, "forecast candidate", "train"),
        Step(
            "look",
            "live_look",
            look,
            inputs={
                "outcomes": "outcomes",
                "train": "train",
                "candidate": "forecast candidate",
                "production": "forecast production",
            }
            | ({"before": BEFORE} if own.before else {}),
        ),
    )
    return _pipeline(recipe, steps, given)


def outcomes_pipeline(recipe: LiveUpdate, update: Update) -> Pipeline:
    """The first two steps, which say how many outcomes there are and on which days."""
    return _pipeline(recipe, outcome_steps(recipe, update), {})


def live_swap_pipeline(recipe: LiveUpdate, swap: Swap) -> Pipeline:
    """The test of a swap on the outcomes since then."""
    own = swap.update
    steps = (
        *outcome_steps(recipe, own),
        Step("mix", "mix", _mix(recipe, own, every_question=True), inputs={"panel": "outcomes"}),
        _forecast(recipe, "forecast production", PRODUCTION),
        _forecast(recipe, "forecast previous", PREVIOUS),
        Step(
            "swap",
            "live_swap",
            swap_config(recipe, swap),
            inputs={"outcomes": "outcomes", "current": "forecast production", "previous": "forecast previous"},
        ),
    )
    return _pipeline(recipe, steps, {BASE: own.base, PRODUCTION: own.adapter, PREVIOUS: swap.previous_adapter})


def swap_config(recipe: LiveUpdate, swap: Swap) -> SwapConfig:
    """Config of the test of a swap."""
    own = swap.update
    return SwapConfig(
        watch=recipe.watched,
        line=recipe.line,
        at=own.at,
        current=own.production,
        previous=swap.previous,
        since=own.holdout_from,
    )


def outcome_steps(recipe: LiveUpdate, update: Update) -> tuple[Step, Step]:
    """The panel, and its outcomes at the update's moment."""
    outcomes = OutcomesAt(
        **recipe.outcomes.model_dump(),
        at=update.at,
        new_from=update.new_from,
        trained=f"{recipe.line} {update.production}",
        counted_until=update.counted_until,
    )
    return (
        Step("panel", "panel", recipe.panel),
        Step("outcomes", "outcomes", outcomes, inputs={"panel": "panel"}),
    )


def _pipeline(recipe: LiveUpdate, steps: tuple[Step, ...], given: dict[str, ArtifactRef | None]) -> Pipeline:
    tags = (f"recipe:{recipe.name}", f"line:{recipe.line}")
    return Pipeline(recipe.name, steps, tags, recipe.limits, recipe.plumbing_only, given)


def _mix(recipe: LiveUpdate, update: Update, every_question: bool = False) -> MixConfig:
    """New rows and earlier ones before the hold-out, and questions about it; for a swap earlier rows alone."""
    new = recipe.new.model_dump() | {"first_day": update.new_from}
    replay = recipe.replay.model_dump() | {"last_day": update.new_from - timedelta(days=1)}
    fields: dict[str, object] = {
        "sources": [replay | {"weight": 1.0}] if every_question else [new, replay],
        "holdout_from": update.holdout_from,
        "embargo_days": recipe.embargo_days,
    }
    if every_question:
        fields["n_directions"] = None
    # As the stage reads it, with other defaults.
    return MixConfig.model_validate(recipe.mix.model_dump() | fields)


def _forecast(recipe: LiveUpdate, name: str, adapter: str) -> Step:
    return Step(
        name,
        "forecast",
        recipe.forecast.model_copy(update=recipe.templated),
        inputs={"model": BASE, "mix": "mix", "panel": "outcomes", "adapter": adapter},
        pool=recipe.route.forecast,
    )
