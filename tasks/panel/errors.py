"""The errors of the panel stage."""

from tasks.common.errors import HindsightError


class PanelError(HindsightError):
    """No panel can be made from these prices with these settings."""


class UnreadablePrices(PanelError):
    """The price file does not exist, is not a table of prices, has another digest, or holds impossible values."""


class BadTable(PanelError):
    """A table cannot be read, or holds what no panel can be made of."""


class AmbiguousPrices(PanelError):
    """A stock has two prices for one day."""


class TooFewStocks(PanelError):
    """Fewer than two stocks, or entities of a table, have a row with all features and a target."""


class EmptySplit(PanelError):
    """One side of the cut has no row."""


class UnsafeArchive(PanelError):
    """An archive is damaged, does not hold exactly one price file, or would fill the disk."""


class OtherPrices(PanelError):
    """A price file is not the published one, or not the one asked for."""


class KaggleError(PanelError):
    """Kaggle did not give the file."""


class NoCredentials(KaggleError):
    """There are no credentials, or Kaggle does not accept them."""


class RulesNotAccepted(KaggleError):
    """Kaggle refuses the account, nearly always because it has not accepted the competition's rules."""


class KaggleUnreachable(KaggleError):
    """Kaggle gave no complete response after all retries."""
