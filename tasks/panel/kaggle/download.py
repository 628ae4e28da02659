"""Kaggle's file, asked for until it is whole; retries are bounded, waiting is said."""

import logging
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from tasks.panel.errors import KaggleUnreachable
from tasks.panel.kaggle.client import Kaggle
from tasks.panel.kaggle.config import PricesConfig
from tasks.panel.kaggle.partial import Partial
from tasks.panel.kaggle.receive import CutBody, receive
from tasks.store.errors import DISK_IS_FULL, NoSpace

log = logging.getLogger(__name__)

N_TRIES = 8
"""In a row without a new byte."""
FIRST_PAUSE_SECONDS = 1.0
"""Doubled from try to try, up to the next."""
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 900.0
"""A server that asks for a longer wait is told of instead of waited for."""


def download(config: PricesConfig, workplace: Path) -> Path:
    """Fetch the file, or the rest of it.

    Args:
        config: Which file.
        workplace: A folder that outlives the process.

    Returns:
        The file as Kaggle sends it: CSV, or a zip archive.

    Raises:
        KaggleError: If Kaggle refuses it, or N_TRIES in a row bring nothing new.
        NoSpace: If the disk is full.
    """
    import requests
    import urllib3

    lost = (requests.RequestException, urllib3.exceptions.HTTPError, CutBody, ConnectionError, TimeoutError)
    kaggle, partial = Kaggle(), Partial(workplace)
    n_tries, most = 0, partial.n_bytes
    log.info("prices: asks Kaggle for %s of %s", config.file, config.competition)
    while True:
        try:
            with kaggle.asked(config) as response:
                return receive(response, partial)
        except lost as error:
            if refusal := kaggle.refusal(error, config):
                # Its cause would name an address that carries a right of access.
                raise refusal from None
            n_tries, most = (0, partial.n_bytes) if partial.n_bytes > most else (n_tries + 1, most)
            pause = _pause(error, n_tries)
        except OSError as error:
            if error.errno in DISK_IS_FULL:
                raise NoSpace(f"the disk of {workplace} is full; make room or move HINDSIGHT_STATE.") from error
            raise
        time.sleep(pause)


def _pause(error: Exception, n_tries: int) -> float:
    """How long to wait, said in a line.

    Raises:
        KaggleUnreachable: If it has been tried often enough, or the server asks for more patience than there is.
    """
    reason = _reason(error)
    wait = _asked_wait(error)
    if n_tries >= N_TRIES or (wait or 0) > LONGEST_WAIT_SECONDS:
        asks = f" and asks for a wait of {wait:.0f} s" if wait else ""
        raise KaggleUnreachable(
            f"Kaggle gave no whole file: {reason}{asks}, after {n_tries} tries in a row without a new byte (bounds: "
            f"{N_TRIES} tries, {LONGEST_WAIT_SECONDS:.0f} s). Run again later: what has come is kept."
        ) from None
    pause = wait if wait is not None else min(FIRST_PAUSE_SECONDS * 2 ** max(n_tries - 1, 0), LONGEST_PAUSE_SECONDS)
    log.warning("prices: %s; asks again in %.0f s (%d of %d without a new byte)", reason, pause, n_tries, N_TRIES)
    return pause


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code}"
    return f"the connection was lost ({error if isinstance(error, CutBody) else type(error).__name__})"


def _asked_wait(error: Exception) -> float | None:
    """Seconds of the answer's Retry-After, which is a number or a moment."""
    response = getattr(error, "response", None)
    said = response.headers.get("Retry-After", "") if response is not None else ""
    if said.isdecimal():
        return float(said)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())
