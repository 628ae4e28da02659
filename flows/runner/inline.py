"""The same pipeline in this process, without a server; and the look-up of what a run has left."""

import logging
import time
from collections.abc import Sequence

from flows.pipelines.leakage_premium import leakage_premium_steps
from flows.runner.table import stage_of
from tasks.common.settings import Config
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Report
from tasks.store.errors import ArtifactMissing
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store

log = logging.getLogger(__name__)


def run_inline(recipe: Recipe) -> Report:
    """Run every stage here, one after the other.

    Raises:
        HindsightError: With one sentence that says what was refused, and why.
    """
    store = open_store()
    store.probe()

    def run(step: str, config: Config, *, after: Sequence[ArtifactRef] = (), **inputs: ArtifactRef) -> ArtifactRef:
        started = time.monotonic()
        ref = stage_of(step).inline(config, **inputs)
        log.info("%s: %s after %.1f s", step, ref.path, time.monotonic() - started)
        return ref

    return Report(store.fetch(leakage_premium_steps(recipe, run)))


def find_report(recipe: Recipe, store: Store) -> ArtifactRef:
    """The report of a recipe that has run, found by walking its keys through the store.

    Raises:
        ArtifactMissing: If a step has not run yet.
    """

    def look_up(step: str, config: Config, *, after: Sequence[ArtifactRef] = (), **inputs: ArtifactRef) -> ArtifactRef:
        spec = stage_of(step).room.spec(config, inputs)
        if found := store.find(spec):
            return found
        raise ArtifactMissing(f"{step} of recipe {recipe.name} has not run: {spec.path} is not in {store.url}.")

    return leakage_premium_steps(recipe, look_up)
