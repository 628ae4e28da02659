"""A line's history: moves, numbered from 1, each a sealed object that names the seal of the one before it.

`versions/<line>/<number>.json`. A move is written only if its number is free, which the store decides: of two movers
one wins, and the other is refused. Nothing is overwritten or removed: the states of today follow from the history.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field

from tasks.common.settings import Frozen
from tasks.schemas.examples import Gate
from tasks.store.objects import Objects
from tasks.store.refs import ArtifactRef, Segment, Sha256
from tasks.store.sealed import DamagedFile, Sealed, read_sealed
from tasks.versions.errors import BadMove, DamagedHistory, UnknownVersion

State = Literal["candidate", "staged", "production", "deprecated"]
Action = Literal["register", "stage", "promote", "roll back", "deprecate", "resume"]
VersionName = Annotated[str, Field(pattern=r"^v[1-9][0-9]{0,5}$")]
"""`v1`, `v2`: by order of registration."""
Line = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$")]
"""What the versions of one model are called together."""
Reason = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"\S")]
"""One sentence, of more than spaces."""
FOLDER = "versions"
_NUMBER = re.compile(r"(\d{6})\.json")


class Score(Frozen):
    """A figure that was shown of a version."""

    name: str
    point: float | None
    interval: tuple[float, float] | None
    n_rows: int = Field(ge=0)


class Evidence(Frozen):
    """What a version was made from, and what was shown of it."""

    artifacts: dict[Segment, ArtifactRef] = Field(min_length=1)
    """By role: `release`, `export`, `adapter`, `base`; those that it has."""
    data: dict[Segment, ArtifactRef] = Field(default_factory=dict)
    """Panels and mixes that it was trained from or scored on, by role."""
    gates: list[Gate] = Field(default_factory=list)
    scores: list[Score] = Field(default_factory=list)


class Move(Sealed):
    """One step of a line's history."""

    schema_version: Literal[1] = 1
    line: Line
    number: int = Field(ge=1, le=999_999)
    previous: Sha256 | None
    """Seal of the move before it; None for the first."""
    action: Action
    version: VersionName
    """The version that it moves; of `roll back` and `resume` the one that is in production afterwards."""
    at: AwareDatetime
    """UTC, by the mover's clock, and never before the previous move."""
    by: str = Field(min_length=1, max_length=200)
    """A person, or the flow that moved it."""
    why: Reason
    evidence: Evidence | None = None
    """Of a registration."""

    @property
    def object_name(self) -> str:
        """Where it lies in the store."""
        return f"{FOLDER}/{self.line}/{self.number:06}.json"


@dataclass(frozen=True)
class Version:
    """A version as the history leaves it.

    Args:
        name: Such as `v3`.
        state: Its present state.
        evidence: What it was made from.
        moves: Those that named it, oldest first.
        replaces: The version that a rollback of it leads to; None if it never was in production, or was the first.
    """

    name: str
    state: State
    evidence: Evidence
    moves: tuple[Move, ...]
    replaces: str | None = None


@dataclass(frozen=True)
class History:
    """All moves of a line and what follows from them.

    Args:
        line: Its name.
        moves: In order.
        versions: By name, in order of registration.
        promoted: Versions whose promotion was not undone, oldest first; a version can be there twice. The last is in
            production, and a rollback goes back along them.
    """

    line: str
    moves: tuple[Move, ...]
    versions: dict[str, Version]
    promoted: tuple[str, ...] = ()

    @property
    def production(self) -> Version | None:
        """The version in production."""
        return next((version for version in self.versions.values() if version.state == "production"), None)

    @property
    def awaits_review(self) -> Move | None:
        """The rollback after which nobody has promoted a version or resumed the line yet."""
        decisive = ("promote", "roll back", "resume")
        last = next((move for move in reversed(self.moves) if move.action in decisive), None)
        return last if last and last.action == "roll back" else None

    def version(self, name: str) -> Version:
        """A version by its name. Raises UnknownVersion."""
        if name in self.versions:
            return self.versions[name]
        known = ", ".join(self.versions) or "none"
        raise UnknownVersion(f"{self.line} has no version {name!r}; its versions: {known}.")

    def after(self, move: Move) -> Self:
        """The history with one more move.

        Raises:
            BadMove: If a version's state does not allow it.
        """
        promoted = self.promoted
        if move.action in ("promote", "roll back"):
            promoted = (*promoted, move.version) if move.action == "promote" else promoted[:-1]
        return replace(self, moves=(*self.moves, move), versions=_moved(self, move, promoted), promoted=promoted)


def empty_history(line: str) -> History:
    """A line without moves."""
    return History(line, (), {})


def read_history(objects: Objects, line: str) -> History:
    """All moves of a line.

    Returns:
        A history without moves, if the line does not exist.

    Raises:
        DamagedHistory: If a move is missing, changed, or does not follow the one before it.
    """
    history = empty_history(line)
    for number, name in enumerate(_move_names(objects, line), start=1):
        move = _read(objects, name)
        previous = history.moves[-1].seal if history.moves else None
        if (move.line, move.number, move.previous, move.object_name) != (line, number, previous, name):
            raise DamagedHistory(
                f"{name} in {objects.url} is not move {number} of {line}: a move before it is missing, or one was "
                "replaced. Restore the objects of this folder from the bucket's versions; nothing was changed."
            )
        try:
            history = history.after(move)
        except BadMove as error:
            raise DamagedHistory(
                f"{name} in {objects.url} does not follow from the moves before it: {error}"
            ) from error
    return history


def line_names(objects: Objects) -> list[str]:
    """Names of all lines."""
    return sorted({info.name.split("/")[1] for info in objects.list(f"{FOLDER}/") if info.name.count("/") == 2})


def _move_names(objects: Objects, line: str) -> Iterator[str]:
    prefix = f"{FOLDER}/{line}/"
    return (info.name for info in objects.list(prefix) if _NUMBER.fullmatch(info.name.removeprefix(prefix)))


def _read(objects: Objects, name: str) -> Move:
    try:
        return read_sealed(objects, name, Move)
    except (DamagedFile, FileNotFoundError) as error:
        raise DamagedHistory(
            f"{name} in {objects.url} cannot be read: {error} A move is never removed: restore the object."
        ) from error


def _moved(history: History, move: Move, promoted: tuple[str, ...]) -> dict[str, Version]:
    """Versions after a move, and after it the promotions that were not undone."""
    versions = dict(history.versions)
    if move.action == "register":
        if move.version != (wanted := f"v{len(versions) + 1}") or move.evidence is None:
            raise BadMove(f"the next version of {history.line} is {wanted}, with its evidence, and not {move.version}.")
        return versions | {move.version: Version(move.version, "candidate", move.evidence, (move,))}
    own = history.version(move.version)
    _check_state(history, own, move.action)
    if move.action in ("promote", "roll back") and (current := history.production):
        versions[current.name] = replace(current, state="deprecated", moves=(*current.moves, move))
    changes: dict[Action, State] = {
        "stage": "staged", "promote": "production", "roll back": "production", "deprecate": "deprecated",
        "resume": "production",
    }  # fmt: skip
    replaces = own.replaces
    if move.action in ("promote", "roll back"):
        replaces = promoted[-2] if len(promoted) > 1 else None
    versions[own.name] = replace(own, state=changes[move.action], moves=(*own.moves, move), replaces=replaces)
    return versions


FROM: dict[Action, tuple[State, ...]] = {
    "stage": ("candidate",),
    "promote": ("candidate", "staged"),
    "deprecate": ("candidate", "staged"),
}
"""States from which each move is allowed."""


def _check_state(history: History, own: Version, action: Action) -> None:
    if action == "roll back":
        current = history.production
        if current is None or current.replaces != own.name:
            now = f"{current.name}, which replaced {current.replaces or 'none'}" if current else "none"
            raise BadMove(f"{history.line} cannot be rolled back to {own.name}: in production is {now}.")
        return
    if action == "resume":
        if history.awaits_review is None or own.state != "production":
            raise BadMove(f"{history.line} has no rollback that awaits a look; there is nothing to resume.")
        return
    was_in_production = any(move.version == own.name and move.action in ("promote", "roll back") for move in own.moves)
    comes_back = action == "promote" and own.state == "deprecated" and was_in_production
    if own.state not in FROM[action] and not comes_back:
        allowed = " or ".join(FROM[action])
        raise BadMove(
            f"{history.line} {own.name} is {own.state}, and `{action}` moves a version that is {allowed}. One that was "
            "in production before can be promoted again; one that was given up is trained anew."
        )
