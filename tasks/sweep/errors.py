"""Errors of a sweep."""

from tasks.common.errors import HindsightError


class BadSweep(HindsightError):
    """A sweep whose variations cannot all be run; no run has started."""


class BaseDiffers(HindsightError):
    """The base model's figures differ between two runs with the same panel, base states and settings."""
