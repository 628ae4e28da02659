"""Errors about GGUF files."""

from tasks.common.errors import HindsightError


class GgufError(HindsightError):
    """A GGUF file cannot be made, read or run."""


class ExportEnvironmentMissing(GgufError):
    """The environment of the export does not exist."""


class NotConvertible(GgufError):
    """llama.cpp's converter does not know the architecture, or the model's files cannot be handed to it."""


class EngineFailed(GgufError):
    """llama.cpp did not load a file, or refused a request."""
