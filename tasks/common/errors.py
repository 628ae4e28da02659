"""The base class of all errors. A message names the thing, its value, the bound and the way out."""


class HindsightError(Exception):
    """An error a person can act on: shown as its message without a traceback, with exit status 1."""
