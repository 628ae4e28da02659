"""The base class of all errors, and the errors any package may raise.

A message names the thing, its value, the bound and the way out.
"""

MAX_CHARACTERS = 3_000
"""Of a message: the author of a file decides how long the value is that a message quotes."""


class HindsightError(Exception):
    """An error a person can act on: shown as its message without a traceback, with exit status 1."""

    def __str__(self) -> str:
        message = super().__str__()
        if len(message) <= MAX_CHARACTERS:
            return message
        half = MAX_CHARACTERS // 2
        left_out = len(message) - 2 * half
        return f"{message[:half]} [{left_out:,} characters are left out] {message[-half:]}"


class BadEnvironment(HindsightError):
    """An environment variable has a value that is unknown or out of bounds."""
