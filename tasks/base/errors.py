"""Errors of the base stage."""

from tasks.common.errors import HindsightError


class TooManyParameters(HindsightError):
    """A tiny model that is not tiny."""


class HubUnavailable(HindsightError):
    """The hub cannot be reached, or refuses access to the files."""


class NoSafetensors(HindsightError):
    """Weights that are not, or only partly, safetensors."""
