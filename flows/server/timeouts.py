"""The time limit of one stage on a pool's machine: HINDSIGHT_STAGE_HOURS, which a pool's template may set."""

import os

from tasks.common.errors import BadEnvironment

VARIABLE = "HINDSIGHT_STAGE_HOURS"
SECONDS_PER_HOUR = 3_600


def stage_seconds() -> float | None:
    """Seconds after which Prefect ends a stage's run as TimedOut; None if the environment sets no limit.

    Raises:
        BadEnvironment: If it is not a number above 0.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 < hours < float("inf"):
        raise BadEnvironment(f"{VARIABLE}={text!r} is not a number of hours above 0; unset it for no limit.")
    return hours * SECONDS_PER_HOUR
