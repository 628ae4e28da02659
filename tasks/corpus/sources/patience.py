"""Waiting for a server that is busy or away: rate limits for as long as it says, errors with a bound."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

log = logging.getLogger(__name__)

N_ATTEMPTS = 8
LONGEST_WAIT_SECONDS = 60.0
LONGEST_LIMIT_SECONDS = 600.0
"""The hub counts per five minutes; a limit that asks for more than twice that is not waited out."""


def patiently(call: Callable[[], T], where: str, sleep: Callable[[float], None] = time.sleep) -> T:
    """Call, and call again while it fails for a reason that may pass.

    Args:
        call: Reads something, without effects.
        where: Named in the log.
        sleep: Waits.

    Raises:
        Exception: What the last of N_ATTEMPTS raised, or at once what another attempt would not change.
    """
    for attempt in range(1, N_ATTEMPTS + 1):
        try:
            return call()
        except Exception as error:
            pause = _pause(error, attempt)
            if pause is None or attempt == N_ATTEMPTS:
                raise
            log.warning(
                "corpus: %s: %s; waits %.0f s, attempt %d of %d", where, told(error), pause, attempt + 1, N_ATTEMPTS
            )
            sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def answer_of(error: BaseException) -> "httpx.Response | None":
    """A server's answer, where that was the error.

    huggingface_hub's errors are httpx's and not its HTTPStatusError, but carry an answer as that does.
    """
    import httpx

    answer = getattr(error, "response", None) if isinstance(error, httpx.HTTPError) else None
    return answer if isinstance(answer, httpx.Response) else None


def told(error: BaseException) -> str:
    """An error in a line; of an answer the status alone, for its address may hold a storage's signature."""
    if (answer := answer_of(error)) is not None:
        return f"HTTP {answer.status_code} {answer.headers.get('X-Error-Message', '')}".strip()[:200]
    return f"{type(error).__name__}: {str(error)[:200]}"


def _pause(error: Exception, attempt: int) -> float | None:
    """Seconds to wait before another attempt, or None where there is no point in one."""
    import httpx

    backoff = min(2.0 ** (attempt - 1), LONGEST_WAIT_SECONDS)
    if (answer := answer_of(error)) is not None:
        if answer.status_code == 429:
            asked = max(_asked_for(answer.headers), backoff)
            return asked if asked <= LONGEST_LIMIT_SECONDS else None
        return backoff if answer.status_code >= 500 or answer.status_code == 408 else None
    if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)):
        return None
    if type(error).__name__ == "OfflineModeIsEnabled":
        return None
    return backoff if isinstance(error, (httpx.TransportError, ConnectionError, TimeoutError)) else None


def _asked_for(headers: Mapping[str, str]) -> float:
    """Seconds a limit asks for: `RateLimit` as the hub sends it, `Retry-After` as others do; 0 where neither says."""
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds + 1.0
    # Retry-After may also hold a date, which the hub does not use.
    retry_after = headers.get("Retry-After", "")
    return float(retry_after) if retry_after.isdigit() else 0.0
