"""One update: outcomes, training, look, decision. Production is touched by the last move alone."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from flows.live.decide import Decision, decide, decided_at, finish_earlier, register_earlier
from flows.live.production import (
    NothingNew,
    in_production,
    look_refs,
    settling,
    start_of,
    with_holdout,
    with_present_prices,
)
from flows.live.slots import SlotTooShort, check_slot
from flows.pipelines.live_update import Update, live_update_pipeline, outcomes_pipeline
from flows.pipelines.pipeline import Pipeline
from tasks.live.looks import looks_beside
from tasks.live_update import LiveUpdate
from tasks.schemas.artifacts import Checkpoint
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.train.pipeline.start import check_arm
from tasks.versions.moves import existing_history, review_sentence

log = logging.getLogger(__name__)

Run = Callable[[Pipeline], Mapping[str, ArtifactRef]]
"""Runs a pipeline's steps and returns their artifacts, by step."""


def update_line(
    recipe: LiveUpdate, at: datetime, run: Run, store: Store, by: str, may_be_long: bool = True
) -> Decision:
    """Update a line once.

    Args:
        recipe: What is read, trained and compared.
        at: Only outcomes that were known by then count; the same at each retry of the run.
        run: On pools, or in this process.
        store: Holds artifacts and history.
        by: Who moves versions.
        may_be_long: Whether an update that takes longer than a slot is only a warning: of a run that a person started.

    Returns:
        What was done, in one sentence.

    Raises:
        HindsightError: If something is refused, or another mover was first. Production stays as it was.
    """
    for done in register_earlier(store, recipe.line, by):
        log.warning("%s", done)
    if earlier := decided_at(store, recipe.line, at):
        return earlier
    history = existing_history(store, recipe.line)
    if back := history.awaits_review:
        # What fooled the gate once would fool it again.
        return Decision("AwaitsReview", f"{recipe.line}: nothing is trained: {review_sentence(back)}")
    looks = look_refs(history)
    try:
        check_slot(recipe, looks[-1] if looks else None, store)
    except SlotTooShort as error:
        if not may_be_long:
            raise
        log.warning("%s", error)
    recipe = with_present_prices(recipe, store)
    start, adapter = start_of(history, at, store), in_production(history).evidence.artifacts["adapter"]
    # Here, and not on the machine that is rented for the training.
    check_arm(Checkpoint(store.fetch(adapter)).adapter_dir, recipe.train.arm)
    log.info("%s: from %s, trained up to %s", recipe.line, start.production, start.new_from)
    outcomes = run(outcomes_pipeline(recipe, start))["outcomes"]
    # First, because a swap that is to be undone is not to be hidden by another one.
    update: Update | NothingNew | None = settling(recipe, history, store, outcomes)
    if update is None:
        if earlier := finish_earlier(store, recipe.line, outcomes, by):
            return earlier
        update = with_holdout(recipe, start, store, outcomes)
    if isinstance(update, NothingNew):
        return Decision("NothingNew", f"{recipe.line}: {update.message}")
    log.info("%s: %d new outcomes, held out from %s on", recipe.line, update.n_new, update.holdout_from)
    update = replace(update, beside=looks_beside(store, looks))
    return decide(store, run(live_update_pipeline(recipe, update))["look"], by)
