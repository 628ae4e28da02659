"""A server that is away for a while ends no run.

Prefect's client waits for a server it has spoken to, and gives up at once on one it has not: a restart must not end
what happens to open a connection meanwhile.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

log = logging.getLogger(__name__)

T = TypeVar("T")

OUTAGE_SECONDS = 900.0
"""A server away for longer ends what waits for it. A restart, its database's included, is a matter of minutes."""
FIRST_PAUSE_SECONDS = 0.5
LAST_PAUSE_SECONDS = 10.0


def patiently(call: Callable[[], T], what: str) -> T:
    """Call until the server answers.

    Args:
        call: Asks the server anew each time, and does no harm when it is done twice.
        what: What it is for, as the log shall say it.

    Raises:
        httpx.TransportError: If nothing answered for OUTAGE_SECONDS.
    """
    pause, deadline = FIRST_PAUSE_SECONDS, time.monotonic() + OUTAGE_SECONDS
    while True:
        try:
            return call()
        except httpx.TransportError as error:
            if time.monotonic() >= deadline:
                raise
            log.warning("%s: the server does not answer (%s), asked again in %.1f s", what, error, pause)
            time.sleep(pause)
            pause = min(LAST_PAUSE_SECONDS, 2 * pause)
