"""Errors of the probes' stages."""

from tasks.common.errors import HindsightError


class ProbeError(HindsightError):
    """These items cannot be made, or not be put to this model."""


class NoDocuments(ProbeError):
    """No document is left to score."""


class OneSide(ProbeError):
    """All documents are on one side of every cutoff."""


class BadFacts(ProbeError):
    """A file is no list of facts, or none could be made."""


class NothingToAsk(ProbeError):
    """The items hold neither document nor fact nor question."""
