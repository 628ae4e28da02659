"""Kaggle's own `download_file` with what it leaves open: when it may resume, a bound on the size, and progress.

Decision 0010 lists what the client does by itself, and the faults that are guarded against here.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tasks.common.progress import Progress
from tasks.common.unpack import MAX_BYTES
from tasks.panel.errors import KaggleError

if TYPE_CHECKING:
    from requests import Response

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60.0
"""A connection without a byte for so long counts as lost."""
CHUNK_BYTES = 16 << 10
"""The client loses what it has received of a chunk when the connection is lost."""
MARKER = ".kaggle-partial"
"""The client's suffix of the file beside a partial one that holds the identity of the server's file."""


class CutBody(OSError):
    """The file is not as long as the server said; a retry may succeed."""


class Transfer:
    """Replaces `download_needed` and `download_file` of one client.

    Args:
        api: The client, a KaggleApi.
    """

    file: Path
    """Where the client writes the file; known after its request was answered."""

    def __init__(self, api: Any) -> None:
        self._download_needed, self._download_file = api.download_needed, api.download_file
        api.download_needed, api.download_file = self.is_needed, self.download

    def is_needed(self, response: "Response", outfile: str, quiet: bool) -> bool:
        """Whether the file must be downloaded: it is not there, not whole, or older than the server's."""
        self.file = Path(outfile)
        is_whole = n_bytes(self.file) == _length(response) and not _marker(self.file).exists()
        # By itself the client also keeps part of an older file that is longer than the file is now.
        return not is_whole or bool(self._download_needed(response, outfile, quiet))

    def download(self, response: "Response", outfile: str, http_client: object, quiet: bool, resume: bool) -> None:
        """Download the file, or the rest of it, in one attempt.

        Raises:
            CutBody: If its length is wrong in the end.
            KaggleError: If it is larger than MAX_BYTES.
            OSError: If the connection is lost, the server answers with an error, or the disk is full.
        """
        from kaggle.api import kaggle_api_extended

        _check_size(_length(response) or 0)
        # A weak ETag promises the same meaning, not the same bytes. Without a redirect there is no address that the
        # rest can be requested from: the client would repeat Kaggle's own, without the question.
        resume = resume and bool(response.history) and not response.headers.get("ETag", "").startswith("W/")
        identity = _identity(self.file)
        kaggle_api_extended.tqdm = lambda total, initial, **_: _Bar(total, initial, self.file, identity)
        limits = {"chunk_size": CHUNK_BYTES, "max_retries": 0, "timeout": TIMEOUT_SECONDS}
        try:
            self._download_file(response, outfile, http_client, quiet, resume, **limits)
        except (ValueError, KaggleError) as error:
            # requests' errors are OSErrors, and some are ValueErrors too.
            if isinstance(error, OSError):
                raise
            # Some bytes are wrong, and beside the client's marker the next attempt would append to them.
            self.file.unlink(missing_ok=True)
            if isinstance(error, KaggleError):
                raise
            raise CutBody(str(error)) from None


class _Bar:
    """Takes the place of the client's progress bar, which it updates after every chunk written."""

    def __init__(self, total: int | None, initial: int, file: Path, identity: bytes | None) -> None:
        # Refused the rest, for the file has changed, the client writes the whole file under the identity of the old.
        if identity is not None and not initial and _identity(file) == identity:
            _marker(file).unlink()
        self._progress = Progress("prices", total, n_before=initial)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            log.info("prices: received %s", self._progress)

    def update(self, n: int) -> None:
        self._progress.add(n)
        _check_size(self._progress.n_done)


def n_bytes(file: Path) -> int:
    """Size of a file; 0 if it does not exist."""
    return file.stat().st_size if file.exists() else 0


def _marker(file: Path) -> Path:
    return file.with_name(file.name + MARKER)


def _identity(file: Path) -> bytes | None:
    """The identity noted beside a partial file; None if that file is empty or missing."""
    marker = _marker(file)
    return marker.read_bytes() if n_bytes(file) and marker.exists() else None


def _length(response: "Response") -> int | None:
    header = response.headers.get("Content-Length", "")
    return int(header) if header.isdecimal() else None


def _check_size(n: int) -> None:
    if n > MAX_BYTES:
        raise KaggleError(
            f"the file Kaggle sends has {n} bytes or more, at most {MAX_BYTES} are taken; it is not the published one. "
            "Stage a file you have: `hindsight stage-prices FILE`."
        )
