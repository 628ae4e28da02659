"""Errors of the export stage."""

from tasks.common.errors import HindsightError


class ExportError(HindsightError):
    """A model that is not exported."""


class UnknownTemplate(ExportError):
    """The chat template is none that the Modelfile can express."""


class FlatModel(ExportError):
    """The model predicts next to nothing, so that parity with it means nothing."""


class GatesFailed(ExportError):
    """The file differs from the model it was made from."""
