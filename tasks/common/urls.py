"""Reading files at a path or URL, with every backend's errors as a few that name the server's status.

fsspec's backends raise errors of their own: aiohttp's for HTTP, botocore's and s3fs's for S3. A reader that knows only
OSError shows a traceback for a body that was cut short, and takes a busy server for a missing file. `read_url` reads a
whole file; a reader of ranges opens the backend by `open_filesystem`, and calls it within `url_errors`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from tasks.common.retry import exponential, retry
from tasks.common.s3 import os_errors, response_of, storage_options

MAX_ATTEMPTS = 4
"""With pauses of 1, 2 and 4 seconds: what a person who waits for a refusal can bear."""
TEMPORARY = (408, 409, 425, 429)
"""HTTP statuses below 500 that another attempt may change."""
LASTING = (501, 505)
"""HTTP statuses from 500 that none does."""


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
    filesystem, path = open_filesystem(url)

    def read() -> bytes:
        with url_errors():
            content: bytes = filesystem.cat_file(path)
            return content

    return retry(
        read,
        f"reading {url}",
        is_retryable=lambda error: isinstance(error, Unanswered),
        wait=exponential(1.0, 4.0),
        max_attempts=MAX_ATTEMPTS,
    )


def open_filesystem(url: str) -> tuple[Any, str]:
    """The file system of fsspec for a URL, and the path in it.

    Raises:
        ImportError: If its protocol needs a package that is not installed.
        ValueError: If its protocol is unknown.
    """
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(url, **storage_options(url))
    if hasattr(filesystem, "retries"):
        # s3fs repeats what botocore has repeated already: together an hour for a server that stays busy.
        filesystem.retries = 1
    return filesystem, path


@contextmanager
def url_errors() -> Iterator[None]:
    """Raise every backend's errors as OSErrors.

    Raises:
        FileNotFoundError: If the server says that the file does not exist.
        PermissionError: If it may not be read.
        Unanswered: If another attempt may succeed.
        OSError: If it cannot be read for another reason.
    """
    import aiohttp

    try:
        with os_errors():
            yield
    except FileNotFoundError:
        raise
    except aiohttp.ClientResponseError as error:
        raise _status_error(error, error.status) from error
    except (aiohttp.ClientError, OSError) as error:
        if (response := response_of(error)) is not None:
            raise _status_error(error, *response) from error
        if isinstance(error, (aiohttp.ClientError, TimeoutError)):
            raise Unanswered(f"the answer broke off, or none came ({type(error).__name__})") from error
        raise


def _status_error(error: Exception, status: int, text: str = "") -> OSError:
    known = {each.value: each.phrase for each in HTTPStatus}
    message = f"the server answers {status} {known.get(status, '')}".strip() + (f" ({text})" if text else "")
    if status in (401, 403) or isinstance(error, PermissionError):
        return PermissionError(f"{message}; it wants other credentials, or none may read this file")
    is_temporary = status in TEMPORARY or (status >= 500 and status not in LASTING) or isinstance(error, TimeoutError)
    return Unanswered(f"{message}, also when asked again") if is_temporary else OSError(message)
