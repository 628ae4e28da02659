"""One look at a swap: does the version before it come back, and is an update due."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from flows.live.decide import Decision
from flows.live.production import NothingNew, last_swap, settling, start_of, with_holdout, with_present_prices
from flows.live.update import Run
from flows.pipelines.live_update import Swap, Update, live_swap_pipeline, outcomes_pipeline, swap_config
from tasks.live.errors import TooFewDays
from tasks.live.look_config import SwapConfig
from tasks.live.looks import read_swap, records_of_line
from tasks.live_update import LiveUpdate
from tasks.schemas.live import SWAP_KIND, WatchRecord
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions import moves
from tasks.versions.history import History

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watched:
    """What a watch found.

    Args:
        decision: What it did.
        n_new: Outcomes that became known since the last update.
        is_due: Whether that many start an update: it would train, and not end for want of days.
        before: Key of the line's last look; empty without one.
        record: How the swap stands; None without one, or without a live outcome.
    """

    decision: Decision
    n_new: int
    is_due: bool
    before: str = ""
    record: WatchRecord | None = None


def watch_line(recipe: LiveUpdate, at: datetime, run: Run, store: Store, by: str) -> Watched:
    """Test the last swap on the outcomes since then, and roll back if the test crosses.

    Args:
        recipe: The test, and what makes an update due.
        at: Only outcomes that were known by then count.
        run: On pools, or in this process.
        store: Holds artifacts and history.
        by: Who moves versions.

    Raises:
        MoveLost: If somebody moved production meanwhile; it is what that one made it.
        HindsightError: If something is refused. Production stays as it was.
    """
    history = moves.existing_history(store, recipe.line)
    recipe = with_present_prices(recipe, store)
    start = start_of(history, at, store)
    outcomes = run(outcomes_pipeline(recipe, start))["outcomes"]
    facts = store.record(outcomes).facts
    n_new = int(str(facts["n_new"]))

    def watched(decision: Decision, record: WatchRecord | None = None) -> Watched:
        is_due = (
            decision.ending == "Watching"
            and not history.awaits_review
            and n_new >= recipe.trigger.n_outcomes
            and can_update(recipe, history, start, store, outcomes)
        )
        return Watched(decision, n_new, is_due, start.before.key if start.before else "", record)

    move = last_swap(history)
    if move is None:
        return watched(Decision("Watching", f"{recipe.line}: no swap to watch; {n_new} new outcomes."))
    since = move.at.date()
    if str(facts["last_day"]) < since.isoformat():
        message = f"{recipe.line}: no outcome since the swap to {move.version} on {since} yet; {n_new} new outcomes."
        return watched(Decision("Watching", message))
    previous = history.version(str(history.version(move.version).replaces))
    swap = Swap(replace(start, holdout_from=since), previous.name, previous.evidence.artifacts["adapter"])
    record = _earlier(store, outcomes, swap_config(recipe, swap))
    if record is None:
        record = read_swap(store, run(live_swap_pipeline(recipe, swap))["swap"])
    return watched(_decided(store, record, by), record)


def _decided(store: Store, record: WatchRecord, by: str) -> Decision:
    if record.verdict == "watching":
        return Decision("Watching", f"{record.line}: {record.sentence}")
    moves.roll_back(store, record.line, why=record.sentence, by=by, expected=record.current)
    return Decision(
        "RolledBack",
        f"{record.line}: {record.previous} is in production again, {record.current} is not. {record.sentence}",
    )


def can_update(recipe: LiveUpdate, history: History, start: Update, store: Store, outcomes: ArtifactRef) -> bool:
    """Whether an update on these outcomes would train a candidate."""
    if settling(recipe, history, store, outcomes):
        return False
    try:
        return not isinstance(with_holdout(recipe, start, store, outcomes), NothingNew)
    except TooFewDays:
        return False


def _earlier(store: Store, outcomes: ArtifactRef, config: SwapConfig) -> WatchRecord | None:
    """How the same swap stood in the same test on the very same outcomes: nothing is forecast again."""
    wanted = config.model_dump(mode="json", exclude={"at"})
    for record in records_of_line(store, SWAP_KIND, config.line):
        is_same = {name: value for name, value in record.config.items() if name != "at"} == wanted
        if is_same and record.inputs["outcomes"].digest == outcomes.digest:
            return read_swap(store, record.ref)
    return None
