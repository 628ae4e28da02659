"""Reasons why a model is not released."""

from tasks.common.errors import HindsightError


class ReleaseError(HindsightError):
    """A release cannot be made."""


class FetchedOtherBytes(ReleaseError):
    """Another client got other bytes from the store than were published."""


class AnswersDiffer(ReleaseError):
    """The fetched model answers its probe prompts differently."""


class GatesFailed(ReleaseError):
    """At least one gate failed."""
