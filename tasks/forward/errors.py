"""Errors of a model's forward passes."""

from tasks.common.errors import HindsightError


class UnusableModel(HindsightError):
    """A model that cannot be loaded, or lacks what is to be read from it."""


class UnusableAdapter(HindsightError):
    """An adapter that does not fit its base, or is damaged."""


class UnusableQuestion(HindsightError):
    """A question that no probability answers, or that the model cannot read."""


class AnswerNotFinite(HindsightError):
    """The model returned NaN or infinity."""
