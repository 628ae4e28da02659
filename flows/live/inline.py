"""An update in this process, without a server."""

from datetime import UTC, datetime

from flows.live.update import update_line
from flows.runner.inline import run_inline
from tasks.live_update import LiveUpdate
from tasks.store.store import open_store
from tasks.versions.moves import this_person


def run_update(recipe: LiveUpdate) -> str:
    """Update a line once. Returns what was done, in one sentence.

    Raises:
        HindsightError: If something is refused, or another mover was first. Production stays as it was.
    """
    return update_line(recipe, datetime.now(UTC), run_inline, open_store(), this_person()).message
