"""Errors of splits and draws. In the bootstrap an Unscorable drops a draw, counted by the class's `reason`."""

from typing import ClassVar

from tasks.common.errors import HindsightError


class SamplingError(HindsightError):
    """These rows cannot be split or drawn."""


class Unscorable(SamplingError):
    """A panel, or a draw from it, for which the contract defines no score."""

    reason: ClassVar[str] = "unscorable"


class TooFewStocks(Unscorable):
    """Fewer distinct stocks than folds."""

    reason = "too_few_stocks"


class EmptySplit(Unscorable):
    """A side of a split has too few rows."""

    reason = "too_few_rows"


class TooFewDates(Unscorable):
    """Fewer distinct days than blocks or groups of days."""

    reason = "too_few_dates"


class BadLabels(SamplingError):
    """A table of labels that lacks a row's stock, its day or the days its target uses."""


class BadSplitter(SamplingError):
    """A splitter with an impossible number of folds, blocks or days."""


class NotPairs(SamplingError):
    """The panel is not one of currency pairs, or a pair lacks a leg."""


class PriceGap(SamplingError):
    """A pair's prices have a gap longer than the features' window."""


class BadHoldout(SamplingError):
    """The hold-out is empty, begins before the training ends, or has outcomes of one direction."""
