"""A publication that may be given up: no further blob is sent, and no record is written any more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tasks.store.blobs import Blobs
from tasks.store.errors import StoreError
from tasks.store.objects import Objects


class PublicationStopped(StoreError):
    """Nobody wants what was about to be published."""


class Stop:
    """Set by one thread, heeded by the thread that publishes."""

    def __init__(self) -> None:
        self._set = threading.Event()
        self._recording = threading.Lock()

    def set(self) -> None:
        """Stop from now on. A record that is being written may still come to stand: see `wait_for_record`."""
        self._set.set()

    def is_set(self) -> bool:
        """Whether it was stopped."""
        return self._set.is_set()

    def wait_for_record(self) -> None:
        """Return when no record is being written; after `set`, none will be."""
        with self._recording:
            pass

    def check(self) -> None:
        """Go on only if nobody has stopped it.

        Raises:
            PublicationStopped: If somebody has.
        """
        if self._set.is_set():
            raise PublicationStopped("the publication was stopped; no record of it is written.")

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Write a record, unless stopped.

        Raises:
            PublicationStopped: If it was stopped before.
        """
        with self._recording:
            self.check()
            yield


class StoppableBlobs(Blobs):
    """Blobs that are neither sent nor read back once it is stopped.

    Args:
        objects: The store's.
        stop: Asked before each blob.
    """

    def __init__(self, objects: Objects, stop: Stop) -> None:
        super().__init__(objects)
        self.stop = stop

    def put(self, content: bytes | bytearray, sha256: str) -> None:
        """Write a blob, unless stopped."""
        self.stop.check()
        super().put(content, sha256)

    def verify(self, sha256: str, size: int) -> None:
        """Read a blob and hash it, unless stopped."""
        self.stop.check()
        super().verify(sha256, size)
