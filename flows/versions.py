"""Versions: buttons that promote a version of a model, roll it back, and let its updates go on after a rollback."""

import logging
from typing import Annotated, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from pydantic import Field

from flows.server.moved import FLOW, moved
from flows.server.versions_table import publish_versions
from tasks.store.store import open_store
from tasks.versions import moves
from tasks.versions.errors import BadMove
from tasks.versions.history import Line, Reason, Version

Action = Literal["promote", "roll back", "deprecate", "stage", "resume"]
log = logging.getLogger(__name__)
# Plain text fields: of a union the form shows buttons `str`, `str`, `None`, and no field until one is pressed.
NameOrEmpty = Annotated[str, Field(pattern=r"^(v[1-9][0-9]{0,5})?$")]
NameOrNone = Annotated[str, Field(pattern=r"^(v[1-9][0-9]{0,5}|none)?$")]


@flow(name=FLOW, flow_run_name="{action} {line}")
def versions(
    line: Line,
    why: Reason,
    action: Action,
    version: NameOrEmpty = "",
    expected: NameOrNone = "",
    by: str = "",
) -> State[str]:
    """Move a version of a model. The artifact `versions-LINE` shows all versions afterwards.

    The run ends as Promoted or RolledBack if production changed, and people are told as of a live update.

    Args:
        line: What the model's versions are called together, such as forex-r1-7b.
        why: One sentence, which the history keeps.
        action: `roll back` puts the version back that the present one replaced, and needs no version.
            `resume` says that a person has looked since a rollback, so that live updates go on, and needs none either.
        version: Such as v2.
        expected: The version that must be in production now; `roll back` needs it, so that two people who roll back for
            one reason do not go back two versions. `none` for none; empty: any.
        by: Who; by default the name of this flow run.
    """
    own = _move(line, action, version or None, expected or None, why=why, by=by or f"flow run {flow_run.name}")
    try:
        publish_versions(moves.existing_history(open_store(), line), f"{own.name} is {own.state}")
    except Exception as error:  # whatever it is: production has moved, and the run must say so
        log.warning("the table of %s is not up to date: %s", line, error, exc_info=True)
    return moved(line, own)


def _move(line: str, action: Action, version: str | None, expected: str | None, *, why: str, by: str) -> Version:
    store = open_store()
    if action in ("roll back", "resume") and version is not None:
        raise BadMove(f"version = {version!r}: `{action}` takes none, it follows from the line's history.")
    if action == "roll back":
        if expected is None:
            raise BadMove(
                "expected is empty, and `roll back` needs the version that is in production and is to be replaced; "
                f"`hindsight versions ls {line}` shows it."
            )
        return moves.roll_back(store, line, why=why, by=by, expected=expected)
    if action != "promote" and expected is not None:
        raise BadMove(f"expected = {expected!r}: `{action}` changes nothing in production and takes none.")
    if action == "resume":
        return moves.resume(store, line, why=why, by=by)
    if version is None:
        raise BadMove(f"version is empty, and `{action}` needs one; `hindsight versions ls {line}` lists them.")
    if action == "promote":
        return moves.promote(store, line, version, why=why, by=by, expected=expected)
    return (moves.deprecate if action == "deprecate" else moves.stage)(store, line, version, why=why, by=by)
