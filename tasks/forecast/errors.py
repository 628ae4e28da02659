"""Errors of the forecast stage."""

from tasks.common.errors import HindsightError


class ForecastError(HindsightError):
    """These questions cannot be put to this model."""


class UnusableQuestion(ForecastError):
    """A question that no probability answers, or that the model cannot read."""


class OtherPanel(ForecastError):
    """The mix was made from another panel."""


class AnswerNotFinite(ForecastError):
    """The model returned NaN or infinity."""
