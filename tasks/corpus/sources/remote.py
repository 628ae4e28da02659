"""Calls to the server of a source: retried while it is busy or away, refused with the way out if it stays so."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from tasks.common import retry
from tasks.common.urls import Unanswered
from tasks.corpus.errors import CorpusError, SourceRefused, SourceUnreachable

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

MAX_ATTEMPTS = 8
LONGEST_WAIT_SECONDS = 60.0
LONGEST_LIMIT_SECONDS = 600.0
"""The hub counts requests per five minutes; a rate limit longer than twice that is not waited out."""


def call_server(what: str, where: str, call: Callable[[], T]) -> T:
    """Call a server with retries, and translate its final error.

    Args:
        what: What is done with `where`, such as `listed`; for messages.
        where: Address.
        call: Reads something; safe to repeat.

    Raises:
        FileNotFoundError: If the file or folder is missing.
        SourceRefused: If the server denies access or does not have it.
        SourceUnreachable: If all attempts failed.
    """
    import httpx

    try:
        return retry_request(call, where)
    except FileNotFoundError as error:
        # huggingface_hub's file system raises this also for a repository it may not see.
        if (cause := error.__cause__) is not None and response_of(cause) is not None:
            raise _final_error(cause, what, where) from error
        raise
    except (OSError, httpx.HTTPError) as error:
        raise _final_error(error, what, where) from error


def retry_request(call: Callable[[], T], where: str, sleep: Callable[[float], None] = time.sleep) -> T:
    """Retry a request while another attempt may succeed.

    A rate limit (429) is waited out for as long as the server asks. `sleep` replaces `time.sleep`.

    Raises:
        Exception: The last attempt's own error.
    """
    return retry.retry(
        call,
        f"corpus: {where}",
        is_retryable=_is_retryable,
        wait=_wait_seconds,
        max_attempts=MAX_ATTEMPTS,
        describe=describe_error,
        sleep=sleep,
    )


def response_of(error: BaseException) -> "httpx.Response | None":
    """The server's response, if the error is one.

    huggingface_hub's errors are not httpx's HTTPStatusError, but carry a response as that does.
    """
    import httpx

    response = getattr(error, "response", None) if isinstance(error, httpx.HTTPError) else None
    return response if isinstance(response, httpx.Response) else None


def describe_error(error: BaseException) -> str:
    """An error in a line. A response is only shown as its status, because its address may hold a signature."""
    if (response := response_of(error)) is not None:
        return f"HTTP {response.status_code} {response.headers.get('X-Error-Message', '')}".strip()[:200]
    return str(error)[:300] if isinstance(error, Unanswered) else f"{type(error).__name__}: {str(error)[:300]}"


def _is_retryable(error: BaseException) -> bool:
    import httpx

    if (response := response_of(error)) is not None:
        if response.status_code == 429:
            return _limit_seconds(response.headers) <= LONGEST_LIMIT_SECONDS
        return response.status_code >= 500 or response.status_code == 408
    temporary = (httpx.TransportError, ConnectionError, TimeoutError, Unanswered)
    return isinstance(error, temporary) and not _is_offline_mode(error)


def _wait_seconds(error: BaseException, n_failed: int) -> float:
    backoff = retry.exponential(1.0, LONGEST_WAIT_SECONDS)(error, n_failed)
    response = response_of(error)
    if response is not None and response.status_code == 429:
        return max(_limit_seconds(response.headers), backoff)
    return backoff


def _limit_seconds(headers: Mapping[str, str]) -> float:
    """Seconds that a rate limit asks to wait: `RateLimit` as the hub sends it, else `Retry-After`, else 0."""
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds + 1.0
    # Retry-After may also hold a date, which the hub does not use.
    retry_after = headers.get("Retry-After", "")
    return float(retry_after) if retry_after.isdigit() else 0.0


def _is_offline_mode(error: BaseException) -> bool:
    # By name, so that huggingface_hub need not be imported.
    return type(error).__name__ == "OfflineModeIsEnabled"


def _final_error(error: BaseException, what: str, where: str) -> CorpusError:
    response = response_of(error)
    if response is not None and response.headers.get("X-Error-Code") == "RevisionNotFound":
        return SourceRefused(
            f"{where} cannot be {what}: the hub has the data set but not this commit. Name a commit of its history in "
            "corpus.source; a commit hidden by a rewritten history can only be had from a mirror."
        )
    if response is not None and response.status_code in (401, 403, 404):
        return SourceRefused(
            f"{where} cannot be {what}: the server answers {describe_error(error)}; it is gated, private or missing. "
            "Check its name; if it is gated, accept the conditions on its page and set HF_TOKEN to a token of that "
            "account where the corpus is read; or name a mirror in corpus.source."
        )
    if _is_offline_mode(error):
        return SourceUnreachable(
            f"{where} cannot be {what}, because HF_HUB_OFFLINE is set. Unset it, or name a mirror in corpus.source."
        )
    if isinstance(error, PermissionError):
        return SourceRefused(
            f"{where} cannot be {what}: {describe_error(error)}. On S3 the AWS_* keys need the rights to read and list "
            "it; in a folder its files must be readable; or name another mirror in corpus.source.root."
        )
    return SourceUnreachable(
        f"{where} cannot be {what}: {describe_error(error)}. Check the server and the network, or name a mirror in "
        "corpus.source; finished work is kept."
    )
