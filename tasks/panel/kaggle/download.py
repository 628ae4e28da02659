"""Downloads Kaggle's file: bounded retries, every attempt resumes where the one before ended."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from tasks.common.retry import retry
from tasks.panel.errors import KaggleUnreachable
from tasks.panel.kaggle.client import Kaggle
from tasks.panel.kaggle.config import PricesConfig
from tasks.panel.kaggle.transfer import MARKER, CutBody
from tasks.store.errors import DISK_IS_FULL, NoSpace

MAX_ATTEMPTS = 8
"""In a row without a new byte."""
FIRST_PAUSE_SECONDS = 1.0
"""Doubled after every failed attempt, up to the next."""
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 900.0
"""A server that asks for a longer wait ends the download."""


def download(config: PricesConfig, work_dir: Path) -> Path:
    """Download the file, or the rest of it.

    Args:
        config: Which file.
        work_dir: Keeps the bytes received for a later start.

    Returns:
        The file as Kaggle sends it: CSV, or a zip archive.

    Raises:
        KaggleError: If Kaggle refuses it, or MAX_ATTEMPTS in a row bring nothing new.
        NoSpace: If the disk is full.
    """
    import requests

    kaggle, attempts = Kaggle(), _Attempts(work_dir)

    def attempt() -> Path:
        try:
            return kaggle.download(config, work_dir)
        except (requests.RequestException, CutBody) as error:
            # The cause would name an address that gives access to the file.
            raise (kaggle.final_error(error, config) or attempts.failed(error)) from None
        except OSError as error:
            if error.errno in DISK_IS_FULL:
                raise NoSpace(f"the disk of {work_dir} is full; free space or move HINDSIGHT_STATE.") from error
            raise

    return retry(
        attempt,
        f"prices: download of {config.file}",
        is_retryable=lambda error: isinstance(error, _Retryable),
        wait=lambda error, n_failed: error.seconds if isinstance(error, _Retryable) else 0.0,
    )


class _Retryable(Exception):
    """A failed attempt, and the seconds until the next."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class _Attempts:
    """Counts the failed attempts in a row that brought no new byte."""

    def __init__(self, work_dir: Path) -> None:
        self._work_dir, self._n_failed = work_dir, 0
        self._n_bytes = _n_bytes_received(work_dir)

    def failed(self, error: Exception) -> _Retryable | KaggleUnreachable:
        """What to raise: KaggleUnreachable after too many attempts, or if the server asks for too long a wait."""
        n_bytes = _n_bytes_received(self._work_dir)
        self._n_failed = 0 if n_bytes > self._n_bytes else self._n_failed + 1
        self._n_bytes = max(n_bytes, self._n_bytes)
        reason, wait = _reason(error), _retry_after(error)
        if self._n_failed >= MAX_ATTEMPTS or (wait or 0) > LONGEST_WAIT_SECONDS:
            asks = f" and asks for a wait of {wait:.0f} s" if wait else ""
            return KaggleUnreachable(
                f"Kaggle did not send the whole file: {reason}{asks}, after {self._n_failed} attempts in a row without "
                f"a new byte (bounds: {MAX_ATTEMPTS} attempts, {LONGEST_WAIT_SECONDS:.0f} s). Run again later: the "
                "bytes received are kept."
            )
        message = f"{reason} ({self._n_failed} of {MAX_ATTEMPTS} attempts without a new byte)"
        pause = min(FIRST_PAUSE_SECONDS * 2 ** max(self._n_failed - 1, 0), LONGEST_PAUSE_SECONDS)
        return _Retryable(message, pause if wait is None else wait)


def _n_bytes_received(work_dir: Path) -> int:
    return sum(file.stat().st_size for file in work_dir.rglob("*") if file.is_file() and file.suffix != MARKER)


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code}"
    return f"the connection was lost ({error if isinstance(error, CutBody) else type(error).__name__})"


def _retry_after(error: Exception) -> float | None:
    """Seconds of the response's Retry-After header, which is a number or a date."""
    response = getattr(error, "response", None)
    header = response.headers.get("Retry-After", "") if response is not None else ""
    if header.isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())
