"""What the measure refuses. Inside the bootstrap the same refusals drop a draw, counted by the class's `reason`."""

from typing import ClassVar

from tasks.common.errors import HindsightError


class PremiumError(HindsightError):
    """These rows and states cannot be measured."""


class StatesDoNotFit(PremiumError):
    """Embeddings are not row for row with the panel, or hold values that are no finite numbers."""


class Unscorable(PremiumError):
    """A panel, or a draw from it, for which the contract defines no score."""

    reason: ClassVar[str] = "unscorable"


class TooFewStocks(Unscorable):
    """Fewer distinct stocks than folds."""

    reason = "too_few_stocks"


class EmptySplit(Unscorable):
    """A side of the chronological cut holds too few rows."""

    reason = "too_few_rows"


class UndefinedR2(Unscorable):
    """R2 is not defined on a test side: one row, or a target that does not vary."""

    reason = "undefined_r2"


class TooFewDraws(PremiumError):
    """Too many draws were dropped for percentiles."""


class BadLabels(PremiumError):
    """A table of labels that does not say, for each row, its stock, its day and the days its target uses."""


class BadSplitter(PremiumError):
    """A splitter asked for a number of folds, blocks or days that it cannot make."""


class TooFewDates(Unscorable):
    """Fewer distinct days than blocks or groups of days."""

    reason = "too_few_dates"
