"""Retrying calls to servers that are busy or away, with one log line per retry. Built on tenacity."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    stop_any,
    stop_never,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
Wait = Callable[[BaseException, int], float]
"""From the error and the number of failed attempts to the seconds before the next attempt."""


def exponential(first_seconds: float, longest_seconds: float) -> Wait:
    """Double the pause after every failed attempt, up to a bound."""
    return lambda error, n_failed: min(first_seconds * 2.0 ** (n_failed - 1), longest_seconds)


def retry(
    call: Callable[[], T],
    what: str,
    *,
    is_retryable: Callable[[BaseException], bool],
    wait: Wait,
    max_seconds: float | None = None,
    max_attempts: int | None = None,
    describe: Callable[[BaseException], str] = str,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call until it succeeds, an error is final, or time or attempts are used up.

    Args:
        call: Asks the server anew each time; it must be safe to repeat.
        what: Named in the log.
        is_retryable: Whether another attempt may succeed.
        wait: Seconds before the next attempt.
        max_seconds: No attempt starts later than this after the first; the last pause is cut to end there.
        max_attempts: Attempts in all.
        describe: The error as the log shows it.
        sleep: Replaces `time.sleep`.

    Raises:
        BaseException: The last attempt's own error.
    """

    def pause(state: RetryCallState) -> float:
        seconds = wait(_error(state), state.attempt_number)
        left = float("inf") if max_seconds is None else max_seconds - (state.seconds_since_start or 0.0)
        return max(min(seconds, left), 0.0)

    def report(state: RetryCallState) -> None:
        seconds = state.next_action.sleep if state.next_action else 0.0
        log.warning("%s: %s; retry %d in %.1f s", what, describe(_error(state)), state.attempt_number, seconds)

    retrying = Retrying(
        retry=retry_if_exception(is_retryable),
        wait=pause,
        stop=stop_any(
            stop_after_attempt(max_attempts) if max_attempts is not None else stop_never,
            stop_after_delay(max_seconds) if max_seconds is not None else stop_never,
        ),
        before_sleep=report,
        reraise=True,
        sleep=sleep,
    )
    return retrying(call)


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    assert error is not None  # noqa: S101 - tenacity asks only after a failed attempt
    return error
