"""Errors of the premium stage. In the bootstrap an Unscorable drops a draw, counted by the class's `reason`."""

from typing import ClassVar

from tasks.common.errors import HindsightError


class PremiumError(HindsightError):
    """These rows and states cannot be measured."""


class StatesDoNotFit(PremiumError):
    """Embeddings do not match the panel row for row, or are not finite."""


class Unscorable(PremiumError):
    """A panel, or a draw from it, for which the contract defines no score."""

    reason: ClassVar[str] = "unscorable"


class TooFewStocks(Unscorable):
    """Fewer distinct stocks than folds."""

    reason = "too_few_stocks"


class EmptySplit(Unscorable):
    """A side of a split has too few rows."""

    reason = "too_few_rows"


class UndefinedR2(Unscorable):
    """A test side has one row, or a target that does not vary."""

    reason = "undefined_r2"


class TooFewDates(Unscorable):
    """Fewer distinct days than blocks or groups of days."""

    reason = "too_few_dates"


class TooFewDraws(PremiumError):
    """Too many draws were dropped for percentiles."""


class BadLabels(PremiumError):
    """A table of labels that lacks a row's stock, its day or the days its target uses."""


class BadPanel(PremiumError):
    """A table that is not a panel: it lacks a column or a value, or has a stock's day twice."""


class UnknownModel(PremiumError):
    """A model of a name that was not measured."""


class BadVintages(PremiumError, ValueError):
    """Vintages that cannot be stitched; a ValueError, so that configs refuse what can be known before a run."""


class BadSplitter(PremiumError):
    """A splitter with an impossible number of folds, blocks or days."""
