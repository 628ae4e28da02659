"""What a line's page shows, read from the store: moves, versions, looks and watches."""

from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from tasks.live.errors import LiveError
from tasks.live.looks import records_of_line
from tasks.schemas.live import (
    LOOK_FILE,
    LOOK_KIND,
    SWAP_FILE,
    SWAP_KIND,
    LineMove,
    LinePage,
    LineVersion,
    LiveLook,
    WatchRecord,
)
from tasks.store.errors import StoreError
from tasks.store.store import Store
from tasks.versions.history import Version
from tasks.versions.moves import existing_history

Found = TypeVar("Found", bound=BaseModel)


def read_line(store: Store, line: str, at: datetime) -> LinePage:
    """Collect a line's history, its looks and its watches.

    Args:
        store: Holds them.
        line: The line.
        at: Now, UTC.

    Raises:
        UnknownVersion: If the line does not exist.
        DamagedHistory: If its history cannot be read whole.
        LiveError: If a record of a look or a watch cannot be read: what is left out would not be counted.
        StoreError: If one of their files cannot be.
    """
    history = existing_history(store, line)
    return LinePage(
        line=line,
        at=at,
        production=history.production.name if history.production else None,
        versions=[_version(own) for own in history.versions.values()],
        moves=[
            LineMove(at=move.at, action=move.action, version=move.version, by=move.by, why=move.why)
            for move in history.moves
        ],
        looks=sorted(_read(store, line, LOOK_KIND, LOOK_FILE, LiveLook), key=lambda look: look.at),
        watches=sorted(_read(store, line, SWAP_KIND, SWAP_FILE, WatchRecord), key=lambda watch: watch.at),
    )


def _version(version: Version) -> LineVersion:
    score = next((own for own in version.evidence.scores if own.name == "accuracy"), None)
    return LineVersion(
        name=version.name,
        state=version.state,
        registered=version.moves[0].at,
        accuracy=score and score.point,
        accuracy_interval=score and score.interval,
        accuracy_rows=score and score.n_rows,
    )


def _read(store: Store, line: str, kind: str, file: str, model: type[Found]) -> list[Found]:
    try:
        mine = [record.ref for record in records_of_line(store, kind, line)]
    except StoreError as error:
        raise LiveError(f"a record of {kind} cannot be read, and the page of {line} would lack it: {error}") from error
    return [model.model_validate_json((store.fetch(ref) / file).read_text(encoding="utf-8")) for ref in mine]
