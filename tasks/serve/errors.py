"""Errors of serving."""

from tasks.common.errors import HindsightError


class ServeError(HindsightError):
    """A version cannot be served, or a request cannot be answered."""


class UnservableVersion(ServeError):
    """The version's adapter does not fit the model that is served, or is damaged."""


class WrongAnswers(ServeError):
    """After an exchange the model does not compute what it should; the earlier adapter is active again."""


class FailedExchange(ServeError):
    """A library failed while the adapter was exchanged; the earlier adapter is active again."""


class UnendedExchange(ServeError):
    """An exchange that was ordered has not ended yet."""


class UnsafeToken(ServeError):
    """The bearer token can be guessed, or read by others."""


class QueueFull(ServeError):
    """As many requests wait as are allowed to."""


class PromptTooLong(ServeError):
    """The prompt with what is asked for exceeds the model's context."""


class Stopped(ServeError):
    """The server is ending, and answers nothing more."""
