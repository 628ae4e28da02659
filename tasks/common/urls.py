"""Reading the whole file at a path or URL, with every backend's errors as a few that name the status.

fsspec's backends raise errors of their own: aiohttp's for HTTP, botocore's and s3fs's for S3. A reader that knows only
OSError shows a traceback for a body that was cut short, and takes a busy server for a missing file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from tasks.common.retry import exponential, retry
from tasks.common.s3 import os_errors, storage_options

MAX_ATTEMPTS = 4
"""With pauses of 1, 2 and 4 seconds: what a person who waits for a refusal can bear."""
FINAL = (400, 401, 403, 404, 405, 410)
"""HTTP statuses that another attempt does not change."""


class Unanswered(OSError):
    """The server is away, busy, or sent a part of the file: another attempt may succeed."""


def read_url(url: str) -> bytes:
    """The content of a file.

    Args:
        url: Path or URL, of any protocol that fsspec knows.

    Raises:
        FileNotFoundError: If the server says that it does not exist.
        PermissionError: If it may not be read.
        OSError: If it cannot be read for another reason; the message has the server's status.
        ImportError: If its protocol needs a package that is not installed.
        ValueError: If its protocol is unknown.
    """
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(url, **storage_options(url))

    def read() -> bytes:
        with os_errors(), _http_errors():
            content: bytes = filesystem.cat_file(path)
            return content

    return retry(
        read,
        f"reading {url}",
        is_retryable=lambda error: isinstance(error, Unanswered),
        wait=exponential(1.0, 4.0),
        max_attempts=MAX_ATTEMPTS,
    )


@contextmanager
def _http_errors() -> Iterator[None]:
    """Raise aiohttp's errors as OSErrors."""
    import aiohttp

    try:
        yield
    except aiohttp.ClientResponseError as error:
        raise _status_error(error.status) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unanswered(f"the answer broke off, or none came ({type(error).__name__})") from error


def _status_error(status: int) -> OSError:
    known = {each.value: each.phrase for each in HTTPStatus}
    message = f"the server answers {status} {known.get(status, '')}".strip()
    if status in (401, 403):
        return PermissionError(f"{message}; it wants other credentials, or none may read this file")
    return OSError(message) if status in FINAL else Unanswered(f"{message}, also when asked again")
