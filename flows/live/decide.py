"""Register a look with its candidate, and promote it or keep what is in production."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flows.live.production import look_refs
from tasks.live.looks import read_look, records_of_line
from tasks.schemas.live import LOOK_KIND, LiveLook
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions import moves
from tasks.versions.errors import MoveLost, NotReleasable
from tasks.versions.history import History, Version, read_history

log = logging.getLogger(__name__)

Ending = Literal["Promoted", "Kept", "NothingNew", "AwaitsReview", "Skipped", "RolledBack", "Watching"]
"""How a run ends well; the state's name in the UI."""


@dataclass(frozen=True)
class Decision:
    """What an update or a watch did.

    Args:
        ending: The state's name.
        message: One sentence.
    """

    ending: Ending
    message: str


def decide(store: Store, look: ArtifactRef, by: str) -> Decision:
    """Register a look's candidate, and promote it if the look says so and nobody has moved production meanwhile.

    Another update may have found the look unregistered and finished it; its moves are then this one's.

    Args:
        store: Holds look and history.
        look: A look.
        by: Who.

    Raises:
        MoveLost: If another mover registered or promoted first; production is what that one made it.
        AwaitsReview: If production was rolled back meanwhile.
        VersionError: If a move is refused.
    """
    found = read_look(store, look)
    try:
        moves.register(store, found.line, look, why=found.gate.sentence, by=by, name=found.candidate)
    except NotReleasable:
        if version_of(read_history(store.objects, found.line), look) is None:
            raise
    return _finished(store, look, found, by)


def version_of(history: History, look: ArtifactRef) -> Version | None:
    """The version that a look was registered with."""
    return next((own for own in history.versions.values() if own.evidence.artifacts.get("look") == look), None)


def _finished(store: Store, look: ArtifactRef, found: LiveLook, by: str) -> Decision:
    """Promote a registered candidate unless it was already, or was moved, or did not pass."""
    version = version_of(read_history(store.objects, found.line), look)
    if version and found.gate.verdict == "promote":
        if version.state == "production":
            return _promoted(found)
        if (version.name, version.state) == (found.candidate, "candidate"):
            return _promote(store, found, by)
    name = version.name if version else found.candidate
    state = f"is {version.state}" if version and version.state != "candidate" else "is kept as a candidate"
    return Decision("Kept", f"{found.line}: {name} {state}. {found.gate.sentence}")


def _promote(store: Store, look: LiveLook, by: str) -> Decision:
    why = look.gate.sentence
    try:
        moves.promote(store, look.line, look.candidate, why=why, by=by, expected=look.production, is_unattended=True)
    except MoveLost:
        now = read_history(store.objects, look.line).production
        if now is None or now.name != look.candidate:
            raise
    return _promoted(look)


def _promoted(look: LiveLook) -> Decision:
    return Decision("Promoted", f"{look.line}: {look.candidate} replaces {look.production}. {look.gate.sentence}")


def register_earlier(store: Store, line: str, by: str) -> list[str]:
    """Register the looks that nobody registered, the oldest first: each counts for the looks after it.

    Returns:
        What was done.
    """
    done = list[str]()
    registered = {ref.path for ref in look_refs(moves.existing_history(store, line))}
    for record in reversed([*records_of_line(store, LOOK_KIND, line, registered)]):
        version = moves.register(store, line, record.ref, why="its update ended before it registered it", by=by)
        done.append(f"{line}: {version.name} is registered, whose update had ended before.")
    return done


def decided_at(store: Store, line: str, at: datetime) -> Decision | None:
    """What the update of a moment promoted: a run that is retried after its promotion reports it, and looks no more."""
    look = _newest_look(read_history(store.objects, line))
    if look is None or (found := read_look(store, look)).at != at:
        return None
    version = version_of(read_history(store.objects, line), look)
    return _promoted(found) if version and version.state == "production" else None


def finish_earlier(store: Store, line: str, outcomes: ArtifactRef, by: str) -> Decision | None:
    """Promote what an update left that ended between its look and its last move.

    A candidate that passed is promoted if it is the newest version, production is still what it was compared with, no
    rollback awaits a look, and the outcomes are those of its look. Once there are newer ones it stays a candidate: they
    were not asked.

    Args:
        store: Holds looks and history.
        line: The line.
        outcomes: Those known now.
        by: Who.

    Returns:
        The promotion; None if there is none to make.
    """
    history = read_history(store.objects, line)
    look = _newest_look(history)
    if look is None or history.production is None or history.awaits_review:
        return None
    newest, found = [*history.versions.values()][-1], read_look(store, look)
    is_unmoved = (newest.name, history.production.name) == (found.candidate, found.production)
    if newest.state != "candidate" or found.gate.verdict != "promote" or not is_unmoved:
        return None
    if store.record(look).inputs["outcomes"].digest != outcomes.digest:
        log.warning("%s: %s stays a candidate: newer outcomes than its look's are known.", line, newest.name)
        return None
    return _promote(store, found, by)


def _newest_look(history: History) -> ArtifactRef | None:
    """The look of the newest version."""
    return [*history.versions.values()][-1].evidence.artifacts.get("look")
