"""Errors of the embed stage."""

from tasks.common.errors import HindsightError


class UnusablePrompt(HindsightError):
    """A sentence without a token, or with too many."""


class NoSentences(HindsightError):
    """The panel has no sentences."""


class NoUndatedSentences(HindsightError):
    """The panel has no undated sentences."""


class StateNotFinite(HindsightError):
    """The model returned NaN or infinity."""
