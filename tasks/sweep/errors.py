"""What a sweep refuses, and how it ends."""

from tasks.common.errors import HindsightError


class BadSweep(HindsightError):
    """A sweep whose variations cannot all be run; nothing of it has started."""


class BaseDiffers(HindsightError):
    """The base model's figures are not the same in two runs that share all they are made of."""


class SweepFailed(HindsightError):
    """Some variations of a sweep ended without a report."""
