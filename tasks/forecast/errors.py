"""Errors of the forecast stage."""

from tasks.common.errors import HindsightError


class ForecastError(HindsightError):
    """These questions cannot be put to this model."""


class OtherPanel(ForecastError):
    """The mix was made from another panel."""
