"""What the store refuses."""

import errno

from tasks.common.errors import HindsightError

DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""An OSError's numbers that a person can act on by making room."""


class StoreError(HindsightError):
    """The store cannot be used as it is asked to be."""


class StoreRefused(StoreError):
    """The server said no: keys, rights, bucket or clock. Trying again changes nothing.

    Args:
        sentence: For a person.
        code: S3's word for it, such as `NoSuchBucket`.
    """

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class StoreUnreachable(StoreError):
    """The server gave no whole answer, however often it was asked."""


class CutAnswer(StoreUnreachable):
    """An answer broke off before its end; asking again may help."""


class NewerSchema(StoreError):
    """A record was written by a newer version of this program."""


class UnwritableStore(StoreError):
    """The store refused a small write, or gave other bytes back."""


class NoSpace(StoreError):
    """The disk is full where an artifact was to be written."""


class ArtifactMissing(StoreError):
    """No record stands at the place the reference names."""


class ArtifactDamaged(StoreError):
    """A record or a blob is not what was published."""


class IdentityDrift(StoreError):
    """An artifact stands at this key with another identity than the one asked for."""
