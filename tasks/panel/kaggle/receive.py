"""Receives one response's body into a file. A cut body is resumed, in this process or a later one.

The client's own `download_file` is not used (decision 0010): when the server answers a resumed request with an error it
writes the error's text into the file, and the next resume appends to that.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from tasks.common.progress import Progress
from tasks.common.settings import Frozen
from tasks.panel.errors import KaggleError
from tasks.panel.kaggle.unpack import MAX_BYTES

if TYPE_CHECKING:
    from requests import Response

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60.0
"""A connection without a byte for so long counts as lost."""
CHUNK_BYTES = 64 << 10


class CutBody(OSError):
    """A body that is shorter or longer than its length says; a retry may succeed."""


class RemoteFile(Frozen):
    """The identity of a file on a server."""

    validator: str | None
    """ETag or Last-Modified: the same for the same bytes. None if the server sends none that is reliable."""
    n_bytes: int | None

    @classmethod
    def from_response(cls, response: "Response") -> Self:
        """Read it from a response that begins at the file's first byte."""
        etag, size = response.headers.get("ETag"), response.headers.get("Content-Length", "")
        # A weak ETag promises the same meaning, not the same bytes.
        strong = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
        return cls(validator=strong, n_bytes=int(size) if size.isdecimal() else None)


@dataclass(frozen=True)
class Partial:
    """A file that is being received, beside it the identity of the server's file.

    Args:
        folder: Keeps both for a later start.
    """

    folder: Path

    @property
    def file(self) -> Path:
        """The bytes received so far."""
        return self.folder / "body"

    @property
    def n_bytes(self) -> int:
        """Number of bytes received so far."""
        return self.file.stat().st_size if self.file.exists() else 0

    def n_bytes_of(self, remote: RemoteFile) -> int:
        """Number of bytes that are certainly the first ones of this remote file."""
        try:
            known = RemoteFile.model_validate_json((self.folder / "whole.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return 0
        return self.n_bytes if remote.validator and known == remote else 0

    def begin(self, remote: RemoteFile) -> None:
        """Delete the bytes received and note which file comes now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # In this order a kill cannot leave old bytes beside a new identity.
        self.file.unlink(missing_ok=True)
        (self.folder / "whole.json").write_text(remote.model_dump_json())
        self.file.touch()


def receive(response: "Response", partial: Partial) -> Path:
    """Receive a file's body, or the rest of it.

    Args:
        response: The server's response from the file's first byte on, its body unread.
        partial: What an earlier attempt has left, if anything.

    Returns:
        The whole file.

    Raises:
        CutBody: If the body ends too early; the bytes received are kept.
        KaggleError: If it is larger than MAX_BYTES.
    """
    remote = RemoteFile.from_response(response)
    if (remote.n_bytes or 0) > MAX_BYTES:
        raise _too_large(remote.n_bytes or 0)
    n_before = partial.n_bytes_of(remote)
    if n_before and n_before == remote.n_bytes:
        return partial.file
    # Without a redirect there is no address that the rest can be requested from.
    if n_before and response.history:
        response = _request_rest(response, remote, partial)
        if response.status_code == 206:
            return _append(response, partial, remote)
        remote = RemoteFile.from_response(response)
    partial.begin(remote)
    return _append(response, partial, remote)


def _request_rest(response: "Response", remote: RemoteFile, partial: Partial) -> "Response":
    """206 with the missing bytes, or 200 with a file that has changed meanwhile."""
    import requests

    response.close()
    n_before = partial.n_bytes
    # The redirect's address carries its own credentials: Kaggle's must not go to the storage's host.
    headers = {"Range": f"bytes={n_before}-", "If-Range": str(remote.validator)}
    rest = requests.get(response.url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)
    is_rest = rest.status_code == 206 and rest.headers.get("Content-Range", "").startswith(f"bytes {n_before}-")
    if rest.status_code in (206, 416) and not is_rest:
        partial.begin(remote)
        raise CutBody(f"the server answered {rest.status_code} with other bytes than those requested")
    rest.raise_for_status()
    return rest


def _append(response: "Response", partial: Partial, remote: RemoteFile) -> Path:
    progress = Progress("prices", remote.n_bytes, n_before=partial.n_bytes)
    with response, partial.file.open("ab", buffering=0) as file:
        # As sent: lengths and ranges count bytes before any Content-Encoding is decoded.
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
            if progress.n_done + len(chunk) > MAX_BYTES:
                raise _too_large(progress.n_done + len(chunk))
            file.write(chunk)
            progress.add(len(chunk))
    if remote.n_bytes not in (None, progress.n_done):
        if progress.n_done > (remote.n_bytes or 0):
            partial.begin(remote)
        raise CutBody(f"received {progress.n_done} of {remote.n_bytes} bytes")
    log.info("prices: received %s", progress)
    return partial.file


def _too_large(n_bytes: int) -> KaggleError:
    return KaggleError(
        f"the file Kaggle sends has {n_bytes} bytes or more, at most {MAX_BYTES} are taken; it is not the "
        "published one. Stage a file you have: python -m tasks.panel.kaggle.stage_file FILE."
    )
