"""What an update starts from: the version in production, what it was trained on, and the looks so far."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from flows.pipelines.live_update import Update
from tasks.common.errors import HindsightError
from tasks.live.errors import TooFewDays
from tasks.live.looks import read_look, read_swap, records_of_line
from tasks.live_update import LiveUpdate
from tasks.panel.source_version import pinned, probe_source
from tasks.schemas.artifacts import Panel
from tasks.schemas.live import SWAP_KIND
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions.history import History, Move, Version


class NotUpdatable(HindsightError):
    """The line has no version in production from which an update could go on."""


@dataclass(frozen=True)
class NothingNew:
    """Why no update is made; production stays as it is."""

    message: str


def with_present_prices(recipe: LiveUpdate, store: Store) -> LiveUpdate:
    """The recipe with the digest of the prices that are at its source now."""
    version = probe_source(recipe.panel.source, store)
    return recipe.model_copy(update={"panel": pinned(recipe.panel, version.sha256)}) if version.sha256 else recipe


def look_refs(history: History) -> list[ArtifactRef]:
    """The line's looks, oldest first: each was registered with its candidate."""
    found = (version.evidence.artifacts.get("look") for version in history.versions.values())
    return [ref for ref in found if ref]


def in_production(history: History) -> Version:
    """The version in production.

    Raises:
        NotUpdatable: If none is, or it has no adapter.
    """
    current = history.production
    if current is None:
        raise NotUpdatable(
            f"{history.line} has no version in production to go on from; `hindsight versions promote {history.line} "
            "VERSION --why REASON --expected none` puts one there."
        )
    if missing := {"adapter", "base"} - current.evidence.artifacts.keys():
        raise NotUpdatable(
            f"{history.line} {current.name} has no {' and no '.join(sorted(missing))}; an update goes on from an "
            "adapter. Promote a version that has one."
        )
    return current


def last_swap(history: History) -> Move | None:
    """The promotion of the version in production, if it replaced one; its watch goes on after a rollback to it."""
    current = in_production(history)
    if current.replaces is None or "adapter" not in history.version(current.replaces).evidence.artifacts:
        return None
    swap = next(own for own in reversed(current.moves) if (own.action, own.version) == ("promote", current.name))
    # If the version that it replaced was undone since, going back to that one would only turn the rollback round.
    undone = history.version(current.replaces).moves
    is_undone = any(
        (own.action, own.version) == ("roll back", current.name) for own in undone if own.number > swap.number
    )
    return None if is_undone else swap


def start_of(history: History, at: datetime, store: Store) -> Update:
    """What an update at a moment starts from; its hold-out is still open.

    Raises:
        NotUpdatable: If nothing is in production, or what it was trained on is unknown.
        StoreError: If a record is missing or damaged.
    """
    current, looks = in_production(history), look_refs(history)
    artifacts = current.evidence.artifacts
    return Update(
        at=at,
        production=current.name,
        candidate=f"v{len(history.versions) + 1}",
        base=artifacts["base"],
        adapter=artifacts["adapter"],
        before=looks[-1] if looks else None,
        new_from=first_untrained_day(history.line, current, store),
        counted_until=read_look(store, looks[-1]).at if looks else None,
    )


def first_untrained_day(line: str, version: Version, store: Store) -> date:
    """First day of the hold-out of a version's own training: nothing was trained on from then on.

    Raises:
        NotUpdatable: If it was not trained on a mix, which records that day.
    """
    rows = store.record(version.evidence.artifacts["adapter"]).inputs.get("corpus")
    mix = store.record(rows).inputs.get("mix") if rows else None
    found = store.record(mix).facts.get("holdout_from") if mix else None
    if not isinstance(found, str):
        raise NotUpdatable(
            f"{line} {version.name} was not trained on a mix, so that it is unknown which outcomes are new to it. "
            "Promote an adapter of an adapter-release or of an update."
        )
    return date.fromisoformat(found)


def with_holdout(recipe: LiveUpdate, start: Update, store: Store, outcomes: ArtifactRef) -> Update | NothingNew:
    """The update with its hold-out: the newest days with outcomes.

    Args:
        recipe: How many days, and the embargo before them.
        start: From `start_of`.
        store: Holds the outcomes.
        outcomes: Those known at the update's moment.

    Raises:
        TooFewDays: If the outcomes do not fill the hold-out and a day before it.
    """
    facts = store.record(outcomes).facts
    n_new = int(str(facts["n_new"]))
    if not n_new:
        counted = start.counted_until
        since = f"since {counted:%Y-%m-%d %H:%M} UTC" if counted else f"from {start.new_from} on"
        counts = ", ".join(f"{name} {value}" for name, value in facts.items() if name.startswith("n_") and value)
        return NothingNew(f"no new outcome {since}; {start.production} stays in production. Read: {counts}.")
    rows = Panel(store.fetch(outcomes)).rows()
    days = sorted(rows["date"].unique())
    if len(days) <= recipe.gate.holdout_days:
        raise TooFewDays(
            f"{len(days)} days have outcomes, and gate.holdout_days={recipe.gate.holdout_days} are held out; wait "
            "for more outcomes, or make it shorter."
        )
    holdout_from: date = days[-recipe.gate.holdout_days].date()
    last = holdout_from - timedelta(days=1 + recipe.embargo_days)
    label_until, day = rows["label_until"].dt.date, rows["date"].dt.date
    is_new = (day >= start.new_from) & (day <= last) & (label_until < holdout_from)
    if not is_new.any():
        return NothingNew(
            f"all {n_new} new outcomes lie in the hold-out from {holdout_from} on, in its embargo of "
            f"{recipe.embargo_days} days, or before {start.new_from}, up to which {start.production} was trained: "
            "nothing is left to train on. Wait for more days, or make gate.holdout_days shorter."
        )
    return replace(start, holdout_from=holdout_from, n_new=n_new)


def settling(recipe: LiveUpdate, history: History, store: Store, outcomes: ArtifactRef) -> NothingNew | None:
    """Why no update is made: the last swap has not been watched long enough, and a second would end its watch."""
    move = last_swap(history)
    if move is None:
        return None
    since = move.at.date()
    days = Panel(store.fetch(outcomes)).rows()["date"]
    n_live = int(days[days.dt.date >= since].nunique())
    crossed_on = _crossed_on(store, history.line, move.version, since)
    if recipe.watch.has_settled(n_live, crossed_on):
        return None
    if crossed_on:
        return NothingNew(
            f"the watch found on {crossed_on} that {move.version} is to be undone, and has not rolled back yet; "
            "a candidate would end its watch. Start live-watch, or roll back and promote what is to stay."
        )
    return NothingNew(
        f"{move.version} came into production on {since}, and {n_live} of watch.settle_days={recipe.watch.settle_days} "
        "live days have outcomes; the next candidate is trained once the swap has settled."
    )


def _crossed_on(store: Store, line: str, current: str, since: date) -> date | None:
    """The day on which the newest watch of a swap found that it is to be undone; None if it did not.

    An older one may have read outcomes that were corrected since, and no watch would roll back on them any more.
    """
    for record in records_of_line(store, SWAP_KIND, line):
        if (record.config["current"], record.config["since"]) == (current, since.isoformat()):
            return read_swap(store, record.ref).crossed_on
    return None
