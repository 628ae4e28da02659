"""What the embed room refuses."""

from tasks.common.errors import HindsightError


class EmbedError(HindsightError):
    """Sentences cannot be turned into states as asked."""


class UnusablePrompt(EmbedError):
    """A sentence without a token, or with too many."""


class NoUndatedSentences(EmbedError):
    """The panel has no sentences without their day."""


class StateNotFinite(EmbedError):
    """A model gave NaN or infinity."""
