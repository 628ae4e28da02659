"""Slots of a schedule: one that was missed is skipped, and one that is shorter than an update is refused."""

from datetime import datetime, timedelta

from tasks.common.errors import HindsightError
from tasks.common.text import SECONDS_PER_HOUR, duration
from tasks.live.looks import read_look
from tasks.live_update import LiveUpdate
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store


class SlotTooShort(HindsightError):
    """An update takes longer than the time between two of them."""


def missed(scheduled: datetime, now: datetime, recipe: LiveUpdate) -> str | None:
    """Why a slot is skipped: server or worker was away, and its time has passed. None if it is not."""
    late = now - scheduled
    if late <= timedelta(hours=recipe.trigger.every_hours):
        return None
    return (
        f"the slot of {scheduled:%Y-%m-%d %H:%M} UTC is skipped: it is {duration(late.total_seconds())} late, "
        f"and slots are {recipe.trigger.every_hours:g} h apart. The next slot reads all outcomes since; nothing is "
        "made up for."
    )


def check_slot(recipe: LiveUpdate, newest: ArtifactRef | None, store: Store) -> None:
    """Compare the time between two slots with what the last update's steps took; waits and outages do not count.

    Args:
        recipe: Hours between two slots.
        newest: The line's last look; None if there is none.
        store: Holds its record.

    Raises:
        SlotTooShort: If the last update took longer.
    """
    if newest is None:
        return
    took = read_look(store, newest).cost.seconds + store.record(newest).seconds
    if not took <= recipe.trigger.every_hours * SECONDS_PER_HOUR:
        raise SlotTooShort(
            f"the steps of the last update of {recipe.line} had taken {duration(took)}, and slots are "
            f"trigger.every_hours={recipe.trigger.every_hours:g} apart, so that every second one would be skipped. "
            "Raise trigger.every_hours and the deployment's schedule with it, or train on less. A run that a person "
            "starts is not refused."
        )
