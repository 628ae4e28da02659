"""Errors of the mix stage."""

from tasks.common.errors import HindsightError


class MixError(HindsightError):
    """These sources cannot be mixed."""


class UnreadableSource(MixError):
    """A source's file cannot be read, or has another digest."""


class BadRow(MixError):
    """A row of a source's file is not an example of its role."""


class EmptySource(MixError):
    """A source has no example, or none that may be trained on."""


class MissingFeature(MixError):
    """The panel lacks a feature that a source needs."""
