"""Errors of serving."""

from tasks.common.errors import HindsightError


class ServeError(HindsightError):
    """A version cannot be served, or a request cannot be answered."""


class UnservableVersion(ServeError):
    """No version is in production, or it has no adapter of the base that is served."""


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
