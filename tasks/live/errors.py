"""Errors of live updates."""

from tasks.common.errors import HindsightError


class LiveError(HindsightError):
    """A candidate cannot be compared with the version in production."""


class BadOutcomes(LiveError):
    """A table of outcomes cannot be read, contradicts itself, or has nothing of the panel."""


class ClockSkew(LiveError):
    """An outcome is known later than this machine's clock says it is."""


class UnpairedRows(LiveError):
    """Two versions' forecasts are not of the same rows, or a row has other outcomes in one than in the other."""


class BadForecasts(LiveError):
    """A table of forecasts lacks a column, repeats a row, or holds what is no probability, day or return."""


class TooFewDays(LiveError):
    """The outcomes do not fill the hold-out."""


class BadDays(LiveError):
    """Days are out of order, repeated, or before those that count."""
