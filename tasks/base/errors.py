"""Errors of the base stage."""

from tasks.common.errors import HindsightError


class TooManyParameters(HindsightError):
    """A tiny model that is not tiny."""


class HubUnavailable(HindsightError):
    """The hub cannot be reached, or refuses access to the files."""


class NoSafetensors(HindsightError):
    """Weights that are not, or only partly, safetensors."""


class NoModel(HindsightError):
    """A folder, file or package that holds no model that can be read, or another one than named."""


class NoTokenizer(HindsightError):
    """A model without a tokenizer, or with one that does not fit it."""


class CodeRefused(HindsightError):
    """A model that only runs with its repository's code, which nobody allowed."""
