"""Errors of the premium stage, beside those of `tasks.sampling.errors`."""

from tasks.common.errors import HindsightError
from tasks.sampling.errors import Unscorable


class PremiumError(HindsightError):
    """These rows and states cannot be measured."""


class StatesDoNotFit(PremiumError):
    """Embeddings do not match the panel row for row, or are not finite."""


class UndefinedR2(Unscorable):
    """A test side has one row, or a target that does not vary."""

    reason = "undefined_r2"


class TooFewDraws(PremiumError):
    """Too many draws were dropped for percentiles."""


class BadPanel(PremiumError):
    """A table that is not a panel: it lacks a column or a value, or has a stock's day twice."""


class UnknownModel(PremiumError):
    """A model of a name that was not measured."""


class BadVintages(PremiumError, ValueError):
    """Vintages that cannot be stitched; a ValueError, so that configs refuse what can be known before a run."""


class BadLadder(PremiumError, ValueError):
    """Models that make no ladder; a ValueError, so that configs refuse what can be known before a run."""
