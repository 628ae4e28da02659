"""Register a look with its candidate, and promote it or keep what is in production."""

import logging
from dataclasses import dataclass
from typing import Literal

from flows.live.production import look_refs
from tasks.live.looks import read_look, records_of_line
from tasks.schemas.live import LOOK_KIND, LiveLook
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions import moves
from tasks.versions.history import read_history

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

    Args:
        store: Holds look and history.
        look: A look that is not registered yet.
        by: Who.

    Raises:
        MoveLost: If another mover registered or promoted first; production is what that one made it.
        AwaitsReview: If production was rolled back meanwhile.
        VersionError: If a move is refused.
    """
    found = read_look(store, look)
    sentence = found.gate.sentence
    moves.register(store, found.line, look, why=sentence, by=by, name=found.candidate)
    if found.gate.verdict == "keep":
        return Decision("Kept", f"{found.line}: {found.candidate} is kept as a candidate. {sentence}")
    return _promote(store, found, by)


def _promote(store: Store, look: LiveLook, by: str) -> Decision:
    sentence = look.gate.sentence
    moves.promote(store, look.line, look.candidate, why=sentence, by=by, expected=look.production, is_unattended=True)
    return Decision("Promoted", f"{look.line}: {look.candidate} replaces {look.production}. {sentence}")


def finish_earlier(store: Store, line: str, by: str) -> list[Decision]:
    """Finish what an update left that ended between its look and its last move.

    A look that nobody registered counts for the looks after it, so it is registered. A candidate that passed is
    promoted if it is the newest version, production is still what it was compared with, and no rollback awaits a look.

    Returns:
        What was done.
    """
    history, done = moves.existing_history(store, line), list[Decision]()
    registered = {ref.path for ref in look_refs(history)}
    for record in records_of_line(store, LOOK_KIND, line, registered):
        version = moves.register(store, line, record.ref, why="its update ended before it registered it", by=by)
        done.append(Decision("Kept", f"{line}: {version.name} is registered, whose update had ended before."))
    history = read_history(store.objects, line)
    newest = [*history.versions.values()][-1]
    look = newest.evidence.artifacts.get("look")
    if look is None or newest.state != "candidate" or history.production is None or history.awaits_review:
        return done
    found = read_look(store, look)
    is_unmoved = (newest.name, history.production.name) == (found.candidate, found.production)
    if found.gate.verdict == "promote" and is_unmoved:
        done.append(_promote(store, found, by))
    return done
