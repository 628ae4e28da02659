"""Errors of versions."""

from tasks.common.errors import HindsightError


class VersionError(HindsightError):
    """A version cannot be moved or read."""


class UnknownVersion(VersionError):
    """No line, or no version of it, has this name."""


class BadMove(VersionError):
    """The version's state does not allow the move."""


class AwaitsReview(VersionError):
    """A rollback stands that nobody has looked at, and no person asks for the move."""


class MoveLost(VersionError):
    """Another mover wrote the next move first; this one changed nothing."""


class NoConditionalWrites(VersionError):
    """The store cannot tell which of two movers was first."""


class DamagedHistory(VersionError):
    """A move is missing, changed, or does not follow the one before it."""


class NotReleasable(VersionError):
    """The artifact is none that can become a version."""


class StillAVersion(VersionError):
    """The artifact is a version's."""
