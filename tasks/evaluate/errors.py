"""Errors of the evaluate stage."""

from tasks.common.errors import HindsightError


class EvaluateError(HindsightError):
    """These rows or forecasts cannot be evaluated."""


class NotPairs(EvaluateError):
    """The panel is not one of currency pairs, or a pair lacks a leg."""


class PriceGap(EvaluateError):
    """A pair's prices have a gap longer than the features' window."""


class UnknownFeature(EvaluateError):
    """The config names a feature that the panel lacks."""


class BadHoldout(EvaluateError):
    """The hold-out is empty, begins before the training ends, or has outcomes of one direction."""


class BadForecast(EvaluateError):
    """A forecast brought along is no probability, is missing on the whole hold-out, or is of another panel."""
