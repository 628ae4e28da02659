"""A store that is away for a while ends no stage."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from tasks.store.errors import StoreUnreachable

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_SECONDS = 180.0
"""How long one request is asked again after the client's own tries, which bear about a minute, are over: they share a
quota of a hundred among all requests, which a transfer of eight blobs at once uses up."""
LAST_PAUSE_SECONDS = 10.0


def patiently(ask: Callable[[], T], seconds: float) -> T:
    """Ask until the store answers.

    Args:
        ask: One request; it must bear being made again.
        seconds: For how long; 0 asks once.

    Raises:
        StoreUnreachable: If it gave no whole answer for so long.
    """
    pause, deadline = 1.0, time.monotonic() + seconds
    while True:
        try:
            return ask()
        except StoreUnreachable as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
            pause = min(pause, left, LAST_PAUSE_SECONDS)
            log.warning("%s Asked again in %.0f s, for %.0f s more.", error, pause, left)
            time.sleep(pause)
            pause *= 2
