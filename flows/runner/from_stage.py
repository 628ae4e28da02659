"""From one stage on: it and all that is made from it run again, and nothing before it but preflight's checks."""

from collections.abc import Sequence
from typing import Literal

from flows.pipelines.leakage_premium import leakage_premium_steps
from flows.runner.table import stage_name, stage_of
from tasks.common.errors import HindsightError
from tasks.common.settings import Config
from tasks.recipe import Recipe
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store

FromStage = Literal[
    "missing", "base", "corpus", "prices", "panel", "preflight", "train", "merge", "embed", "premium", "report"
]
"""`missing`: whatever the store lacks, and nothing that stands."""


class StageNotRun(HindsightError):
    """A run from some stage on would have to begin before it."""


def steps_from(stage: FromStage, recipe: Recipe) -> frozenset[str]:
    """The stage's steps and every step something of theirs goes into, at however many removes."""
    steps: set[str] = set()

    def look(step: str, config: Config, *, after: Sequence[bool] = (), **inputs: bool) -> bool:
        is_one = stage_name(step) == stage or any(inputs.values())
        if is_one:
            steps.add(step)
        return is_one

    leakage_premium_steps(recipe, look)
    return frozenset(steps)


def refuse_a_gap(stage: FromStage, recipe: Recipe, store: Store) -> None:
    """Raise StageNotRun if something that comes before the stage does not stand in the store.

    Preflight may run: it checks the whole recipe, so that any change to it is checked anew, and rents nothing.

    Raises:
        StageNotRun: With the first such step.
        StoreError: If one stands there damaged.
    """
    if stage == "missing":
        return
    again = steps_from(stage, recipe)
    if not again:
        raise StageNotRun(
            f"from_stage={stage!r} names a stage that recipe {recipe.name} does not have; choose another."
        )

    def look(
        step: str, config: Config, *, after: Sequence[ArtifactRef | None] = (), **inputs: ArtifactRef | None
    ) -> ArtifactRef | None:
        if step in again or step == "preflight":
            return None
        spec = stage_of(step).room.spec(config, {name: ref for name, ref in inputs.items() if ref})
        if found := store.find(spec):
            return found
        raise StageNotRun(
            f"from_stage={stage!r} runs nothing before it, and {step} of recipe {recipe.name} has not run: {spec.path} "
            f"is not in {store.url}. Choose 'missing', which runs whatever is."
        )

    leakage_premium_steps(recipe, look)
