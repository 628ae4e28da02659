"""The base class of all errors, and the errors any package may raise.

A message names the thing, its value, the bound and the way out.
"""


class HindsightError(Exception):
    """An error a person can act on: shown as its message without a traceback, with exit status 1."""


class BadEnvironment(HindsightError):
    """An environment variable has a value that is unknown or out of bounds."""
