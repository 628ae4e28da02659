"""What a panel refuses."""

from tasks.common.errors import HindsightError


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


class UnsafeArchive(PanelError):
    """An archive that is damaged, holds other things than one price file, or would fill the disk."""


class OtherPrices(PanelError):
    """A price file is not the published one, or not the one asked for."""


class KaggleError(PanelError):
    """Kaggle did not give the file."""


class NoCredentials(KaggleError):
    """There are no credentials, or none that Kaggle takes."""


class RulesNotAccepted(KaggleError):
    """Kaggle refuses the account; nearly always the competition's rules were not accepted with it."""


class KaggleUnreachable(KaggleError):
    """Kaggle gave no whole answer, however often it was asked."""
