"""What the base room refuses."""

from tasks.common.errors import HindsightError


class BaseError(HindsightError):
    """The base model cannot be had as asked."""


class TooManyParameters(BaseError):
    """A tiny model that is not tiny."""


class HubUnavailable(BaseError):
    """The hub does not give the files, or not to us."""


class NoSafetensors(BaseError):
    """Weights that are not, or not wholly, safetensors."""
