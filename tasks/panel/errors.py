"""What a panel refuses."""

from tasks.errors import HindsightError


class PanelError(HindsightError):
    """No panel can be made from these prices with these settings."""


class UnreadablePrices(PanelError):
    """The price file is absent or no such table, has another digest than asked for, or holds impossible values."""


class AmbiguousPrices(PanelError):
    """A stock has two prices for one day."""


class TooFewStocks(PanelError):
    """Fewer than two stocks have a row with all features and a target."""


class EmptySplit(PanelError):
    """One side of the cut has no row."""
