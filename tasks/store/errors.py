"""Errors of the store. Those that only one module raises are defined there."""

import errno

from tasks.common.errors import HindsightError

DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Numbers of an OSError that freeing disk space resolves."""


class StoreError(HindsightError):
    """The store cannot do what was asked."""


class StoreRefused(StoreError):
    """The server refused for good: keys, rights, bucket or clock. A retry changes nothing.

    Args:
        message: For a person.
        code: S3's error code, such as `NoSuchBucket`.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class StoreUnreachable(StoreError):
    """The server gave no complete answer after all retries."""


class CutAnswer(StoreUnreachable):
    """An answer broke off before its end; a retry may help."""


class NewerSchema(StoreError):
    """A record was written by a newer version of this program."""


class UnwritableStore(StoreError):
    """The store refused a small write, or returned other bytes."""


class NoSpace(StoreError):
    """The disk is full."""


class ArtifactMissing(StoreError):
    """No record exists at the path of a reference."""


class ArtifactDamaged(StoreError):
    """A record or a blob is not what was published."""


class IdentityDrift(StoreError):
    """An artifact exists at this key with another identity than the one wanted."""
