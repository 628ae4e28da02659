"""Moves: each reads the history, checks it, and writes the next number, which the store gives to one mover only."""

import getpass
import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from tasks.schemas.live import LOOK_KIND
from tasks.store.blobs import check_whole
from tasks.store.connect import probe_objects, store_time
from tasks.store.errors import StoreError
from tasks.store.leases import clock
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions.errors import (
    AwaitsReview,
    BadMove,
    MoveLost,
    NoConditionalWrites,
    NotReleasable,
    StillAVersion,
    UnknownVersion,
)
from tasks.versions.evidence import evidence_of
from tasks.versions.history import Action, Evidence, History, Move, Version, line_names, read_history

log = logging.getLogger(__name__)

SKEW = timedelta(minutes=2)
"""Clocks of two machines may differ by this much; the later move then has the earlier one's time."""


def this_person() -> str:
    """Who moves, unless a name is given: user and host."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def register(store: Store, line: str, ref: ArtifactRef, *, why: str, by: str, name: str | None = None) -> Version:
    """Add an artifact to a line as its newest candidate.

    Args:
        store: Holds the artifact and the history.
        line: The line's name; its first version makes it.
        ref: A Release, the Checkpoint of an adapter, or a look at one.
        why: One sentence.
        by: Who.
        name: The name that it must get; None for any.

    Returns:
        The version.

    Raises:
        MoveLost: If another mover was first, or the name is another version's.
        NotReleasable: If the artifact is of another kind, is not whole, or is a version of the line already.
        VersionError: If the move is refused.
    """
    evidence = evidence_of(store, ref, line)

    def next_name(history: History) -> str:
        same = [own.name for own in history.versions.values() if ref in own.evidence.artifacts.values()]
        if same:
            raise NotReleasable(f"{ref.path} is {line} {same[0]} already; move that version.")
        found = f"v{len(history.versions) + 1}"
        if name not in (None, found):
            last = history.moves[-1]
            raise MoveLost(
                f"{ref.path} was to become {line} {name}, and the next version is {found}: {last.by} was first "
                f"({last.action} {last.version}, {last.why}). It is not registered, and nothing was moved."
            )
        return found

    return _move(store, line, "register", next_name, why, by, evidence)


def stage(store: Store, line: str, version: str, *, why: str, by: str) -> Version:
    """Name a candidate as the next to be promoted. Raises VersionError if the move is refused."""
    return _move(store, line, "stage", lambda _: version, why, by)


def promote(
    store: Store,
    line: str,
    version: str,
    *,
    why: str,
    by: str,
    expected: str | None = None,
    is_unattended: bool = False,
) -> Version:
    """Put a candidate or staged version into production; the one that was there is deprecated by the same move.

    Args:
        store: Holds the history.
        line: The line.
        version: The version.
        why: One sentence.
        by: Who.
        expected: The version that must be in production now, `none` for none; None for any.
        is_unattended: Whether no person asks for it.

    Raises:
        AwaitsReview: If no person asks for it, and nobody has looked since the last rollback.
        NotReleasable: If one of its artifacts is missing or damaged.
        MoveLost: If another version than the expected one is in production, or another mover was first.
        VersionError: If the move is refused.
    """

    def name(history: History) -> str:
        _check_expected(history, expected)
        if is_unattended and (back := history.awaits_review):
            raise AwaitsReview(f"{version} is not promoted: {review_sentence(back)}")
        check_artifacts(store, line, history.version(version))
        return version

    return _move(store, line, "promote", name, why, by)


def deprecate(store: Store, line: str, version: str, *, why: str, by: str) -> Version:
    """Give a candidate or staged version up. Raises VersionError if the move is refused."""
    return _move(store, line, "deprecate", lambda _: version, why, by)


def roll_back(store: Store, line: str, *, why: str, by: str, expected: str | None = None) -> Version:
    """Put the version back into production that the present one replaced; nothing is trained or copied.

    Args:
        store: Holds the history.
        line: The line.
        why: One sentence.
        by: Who.
        expected: The version that must be in production now, and is replaced; None for any. Without it two people who
            roll back for one reason, one after the other, go back two versions.

    Raises:
        BadMove: If no version was in production before.
        MoveLost: If another version than the expected one is in production, or another mover was first.
        NotReleasable: If one of its artifacts is missing or damaged.
        VersionError: If the move is refused.
    """

    def name(history: History) -> str:
        _check_expected(history, expected)
        current = history.production
        if current is None or current.replaces is None:
            now = f"{current.name} is its first version in production" if current else "none is in production"
            raise BadMove(f"{line} cannot be rolled back: {now}. `hindsight versions ls {line}` shows its versions.")
        check_artifacts(store, line, history.version(current.replaces))
        return current.replaces

    return _move(store, line, "roll back", name, why, by)


def resume(store: Store, line: str, *, why: str, by: str) -> Version:
    """Say that a person has looked since a rollback, so that live updates of the line go on.

    Returns:
        The version in production, which stays there.

    Raises:
        BadMove: If no rollback awaits it.
        VersionError: If the move is refused.
    """

    def name(history: History) -> str:
        return history.production.name if history.production else next(iter(history.versions))

    return _move(store, line, "resume", name, why, by)


def review_sentence(back: Move) -> str:
    """What a rollback waits for, and how a person says that it was looked at."""
    return (
        f"{back.by} rolled {back.line} back to {back.version} on {back.at:%Y-%m-%d %H:%M} UTC ({back.why}), and nobody "
        f"has looked since. `hindsight versions resume {back.line} --why REASON` lets updates go on; promoting a "
        "version by hand does, too."
    )


def check_artifacts(store: Store, line: str, version: Version) -> None:
    """Raise NotReleasable if a record or blob of the version's artifacts is missing, cut or of another size."""
    for role, ref in version.evidence.artifacts.items():
        try:
            check_whole(store.blobs, store.record(ref), store.n_threads)
        except StoreError as error:
            raise NotReleasable(f"{line} {version.name} is not moved: its {role} is not whole: {error}") from error


def existing_history(store: Store, line: str) -> History:
    """The history of a line that exists.

    Raises:
        UnknownVersion: If it has no move.
        DamagedHistory: If it cannot be read whole.
    """
    history = read_history(store.objects, line)
    if not history.moves:
        known = ", ".join(line_names(store.objects)) or "none"
        raise UnknownVersion(f"no versions of {line!r} in {store.url}; lines: {known}.")
    return history


def _move(
    store: Store,
    line: str,
    action: Action,
    name: Callable[[History], str],
    why: str,
    by: str,
    evidence: Evidence | None = None,
) -> Version:
    _check_conditional_writes(store)
    history = read_history(store.objects, line) if action == "register" else existing_history(store, line)
    move = _next_move(history, action, name(history), why, by, evidence, _moment(store, history, action))
    after = history.after(move)
    if not _written(store, move):
        other = read_history(store.objects, line).moves[move.number - 1]
        raise MoveLost(
            f"{other.by} was first: {other.action} {line} {other.version} ({other.why}). {action} of {move.version} "
            f"changed nothing; look at `hindsight versions ls {line}` and move again if it is still right."
        )
    log.info("%s %s: %s by %s: %s", line, move.version, action, by, why)
    return after.version(move.version)


def _check_expected(history: History, expected: str | None) -> None:
    current = history.production.name if history.production else "none"
    if expected is None or current == expected:
        return
    last = next((move for move in reversed(history.moves) if move.action in ("promote", "roll back")), None)
    moved = f" since move {last.number}, {last.action} by {last.by} ({last.why})" if last else ""
    raise MoveLost(
        f"{history.line} has {current} in production{moved}, and {expected} was expected; nothing was changed."
    )


def _moment(store: Store, history: History, action: Action) -> datetime:
    """When the move is made; a rollback is never refused for a clock."""
    try:
        _check_clock(store)
        return _now_after(history)
    except BadMove as error:
        if action != "roll back":
            raise
        log.warning("%s The rollback is made all the same, with the time of the last move.", error)
        return history.moves[-1].at


def _check_clock(store: Store) -> None:
    """A move of a clock that is ahead would refuse all others until its time has come."""
    now, stored = datetime.now(UTC), store_time(store.objects)
    if not abs(now - stored) <= SKEW:
        raise BadMove(
            f"this machine's clock says {clock(now)}, and {store.url} stamps objects with {clock(stored)}; set the "
            "clock that is off. Nothing was moved."
        )


def _next_move(
    history: History, action: Action, version: str, why: str, by: str, evidence: Evidence | None, at: datetime
) -> Move:
    try:
        return Move(
            line=history.line,
            number=len(history.moves) + 1,
            previous=history.moves[-1].seal if history.moves else None,
            action=action,
            version=version,
            at=at,
            by=by,
            why=why,
            evidence=evidence,
        ).sealed()
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise BadMove(f"{field} = {str(first['input'])[:80]!r}: {first['msg']}. Nothing was moved.") from error


def _written(store: Store, move: Move) -> bool:
    """Whether this move is the one of its number. A write whose answer was lost is found by reading it."""
    if store.objects.write_new(move.object_name, move.to_bytes()):
        return True
    return store.objects.read(move.object_name) == move.to_bytes()


def _check_conditional_writes(store: Store) -> None:
    if not probe_objects(store.objects).conditional_writes:
        raise NoConditionalWrites(
            f"{store.url} lets a second writer overwrite an object (If-None-Match is not enforced), so that two movers "
            " could both believe to have won; nothing was moved. Keep versions in a folder, or on a server "
            "that enforces conditional writes, such as Amazon S3."
        )


def _now_after(history: History) -> datetime:
    now = datetime.now(UTC)
    if not history.moves or now >= history.moves[-1].at:
        return now
    last = history.moves[-1]
    if last.at - now <= SKEW:
        return last.at
    raise BadMove(
        f"this machine's clock says {clock(now)}, and the last move of {history.line} was at {clock(last.at)} by "
        f"{last.by}, whose clock was ahead; move from then on. A rollback is made at once. Nothing was moved."
    )


def check_no_version(store: Store, ref: ArtifactRef) -> None:
    """Refuse to remove an artifact that a version names, also a deprecated one, and every look: what it spent counts.

    Raises:
        StillAVersion: If a version names it, or if it is a look, which the next update registers if nobody did.
        DamagedHistory: If a history cannot be read, which may name it.
    """
    if ref.kind == LOOK_KIND:
        raise StillAVersion(
            f"{ref.path} is not removed: it is a look at a candidate of {ref.label}, and the chance of a false "
            "promotion that it spent counts for all looks after it. Looks are never removed."
        )
    for line in line_names(store.objects):
        for version in read_history(store.objects, line).versions.values():
            if ref in version.evidence.artifacts.values():
                raise StillAVersion(
                    f"{ref.path} is not removed, because {line} {version.name} ({version.state}) needs it for a "
                    "rollback; versions are never removed."
                )
