"""A file's body into a folder, so that a cut one goes on where it ended, in this process or a later one.

The client's own `download_file` is not used: when the server answers a resumed request with an error it writes the
error's text into the file, and the next resume appends to that.
"""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.panel.errors import KaggleError
from tasks.panel.kaggle.partial import Partial, Whole
from tasks.panel.kaggle.unpack import MAX_BYTES

if TYPE_CHECKING:
    from requests import Response

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60.0
"""Without a byte for so long a connection counts as lost."""
PIECE_BYTES = 64 << 10
SECONDS_BETWEEN_LINES = 15


class CutBody(OSError):
    """A body that ended before or after its end; asking again may help."""


def receive(response: "Response", partial: Partial) -> Path:
    """Receive a file's body, or the rest of it.

    Args:
        response: The server's answer from the file's first byte on, its body unread.
        partial: What an earlier try has left, if anything.

    Returns:
        The whole file.

    Raises:
        CutBody: If the body ends too early; what has come is kept.
        KaggleError: If it is larger than MAX_BYTES.
    """
    whole = Whole.told_by(response)
    if (whole.n_bytes or 0) > MAX_BYTES:
        raise _too_large(whole.n_bytes or 0)
    n_before = partial.n_bytes_of(whole)
    if n_before and n_before == whole.n_bytes:
        return partial.file
    # Without a redirect there is no plain address that the rest could be asked from.
    if n_before and response.history:
        response = _the_rest(response, whole, partial)
        if response.status_code == 206:
            log.info("prices: %.1f MB lie here from an earlier start, the rest is asked for", n_before / 1e6)
            return _append(response, partial, whole)
        whole = Whole.told_by(response)
    partial.begin(whole)
    return _append(response, partial, whole)


def _the_rest(response: "Response", whole: Whole, partial: Partial) -> "Response":
    """206 with the bytes that lack, or 200 with a file that has changed meanwhile."""
    import requests

    response.close()
    n_before = partial.n_bytes
    # The redirect's address carries its own right of access: Kaggle's credentials must not go to the storage's host.
    headers = {"Range": f"bytes={n_before}-", "If-Range": str(whole.validator)}
    rest = requests.get(response.url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)
    is_rest = rest.status_code == 206 and rest.headers.get("Content-Range", "").startswith(f"bytes {n_before}-")
    if rest.status_code in (206, 416) and not is_rest:
        partial.begin(whole)
        raise CutBody(f"the server answered {rest.status_code} with other bytes than those asked for")
    rest.raise_for_status()
    return rest


def _too_large(n_bytes: int) -> KaggleError:
    return KaggleError(
        f"the file Kaggle sends has {n_bytes} bytes or more, at most {MAX_BYTES} are taken; it is not the "
        "published one. Stage a file you have: python -m tasks.panel.kaggle.stage_file FILE."
    )


def _append(response: "Response", partial: Partial, whole: Whole) -> Path:
    n_bytes = partial.n_bytes
    progress = Progress(whole.n_bytes, n_bytes)
    with response, partial.file.open("ab", buffering=0) as file:
        # As sent: lengths and ranges count bytes before any Content-Encoding is undone.
        while piece := response.raw.read1(PIECE_BYTES, decode_content=False):
            n_bytes += len(piece)
            if n_bytes > MAX_BYTES:
                raise _too_large(n_bytes)
            file.write(piece)
            progress.report(n_bytes)
    if whole.n_bytes not in (None, n_bytes):
        if n_bytes > (whole.n_bytes or 0):
            partial.begin(whole)
        raise CutBody(f"{n_bytes} bytes came of {whole.n_bytes}")
    progress.report(n_bytes, is_last=True)
    return partial.file


class Progress:
    """A line every quarter minute, and one at the end.

    Args:
        n_all: Bytes of the file; None if nobody said.
        n_before: Bytes that were there before.
    """

    def __init__(self, n_all: int | None, n_before: int) -> None:
        self.n_all, self.n_before = n_all, n_before
        self.started = self.reported = time.monotonic()

    def report(self, n_done: int, is_last: bool = False) -> None:
        """Log how much is there, if it is time."""
        now = time.monotonic()
        if now - self.reported < SECONDS_BETWEEN_LINES and not is_last:
            return
        self.reported = now
        per_second = (n_done - self.n_before) / max(now - self.started, 1e-9)
        all_of_it = f" of {self.n_all / 1e6:.1f}" if self.n_all else ""
        left = f", {(self.n_all - n_done) / max(per_second, 1e-9):.0f} s left" if self.n_all else ""
        log.info("prices: %.1f%s MB received, %.2f MB/s%s", n_done / 1e6, all_of_it, per_second / 1e6, left)
