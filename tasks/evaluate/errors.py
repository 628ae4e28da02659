"""Errors of the evaluate stage."""

from tasks.common.errors import HindsightError


class EvaluateError(HindsightError):
    """These rows or forecasts cannot be evaluated."""


class UnknownFeature(EvaluateError):
    """The config names a feature that the panel lacks."""


class BadForecast(EvaluateError):
    """A forecast brought along is no probability, is missing on the whole hold-out, or is of another panel."""
