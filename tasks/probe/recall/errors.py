"""Errors of the recall stage."""

from tasks.common.errors import HindsightError


class RecallError(HindsightError):
    """These answers make no figures."""


class MismatchedAnswers(RecallError):
    """A model's answers are not to these items, or the items are not about this panel."""


class UnknownModel(RecallError):
    """The config names a model without answers."""
