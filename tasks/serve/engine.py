"""What the HTTP surface and the follower ask of an engine: one that computes here, or one in other processes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tasks.serve.config import ServeConfig
from tasks.serve.errors import PromptTooLong
from tasks.serve.schemas import Asked
from tasks.versions.history import Version


@dataclass(frozen=True)
class LoadedVersion:
    """The version that answers.

    Args:
        name: Such as `v3`.
        digest: Of the artifact that is served.
        fingerprint: sha256 of what it computes on fixed texts.
    """

    name: str
    digest: str
    fingerprint: str


class Reply(Protocol):
    """An answer that is being computed. All of it is of one version."""

    @property
    def version(self) -> LoadedVersion:
        """The version that answers; known once the first piece is."""

    @property
    def n_prompt(self) -> int:
        """Tokens of the prompt."""

    @property
    def n_new(self) -> int:
        """Tokens of the answer so far."""

    @property
    def finish_reason(self) -> str:
        """Why it ended: `stop` or `length`."""

    def pieces(self) -> Iterator[str]:
        """The answer's text as it is computed; to be read once."""

    def close(self) -> None:
        """End the computation, if it has not ended; nobody reads the rest."""


class Engine(Protocol):
    """Computes answers by one version, and exchanges it for another."""

    @property
    def version(self) -> LoadedVersion:
        """The version that answers the next request."""

    @property
    def is_alive(self) -> bool:
        """Whether it answers."""

    @property
    def problem(self) -> str:
        """What keeps it from answering; empty for nothing."""

    @property
    def n_waiting(self) -> int:
        """Requests that no token was computed for yet."""

    @property
    def n_restarts(self) -> int:
        """Times that a part of it had ended by itself and was started anew."""

    @property
    def seconds_of_exchanges(self) -> list[float]:
        """Of each exchange since the start."""

    def digest_of(self, version: Version) -> str:
        """Digest of the artifact that this engine serves of a version.

        Raises:
            UnservableVersion: If the version has none.
        """

    def exchange(self, version: Version) -> LoadedVersion:
        """Make another version the one that answers; if it raises, the earlier one answers on.

        Raises:
            UnservableVersion: If it cannot be served.
            WrongAnswers: If it does not compute what it should.
            FailedExchange: If a library or a process failed.
        """

    def answer(self, asked: Asked) -> Reply:
        """Queue a request.

        Raises:
            QueueFull: If too many wait.
            PromptTooLong: If prompt and answer exceed a bound.
            UnusableQuestion: If the model's chat template refuses the turns.
            Stopped: If the engine does not answer.
        """

    def stop(self) -> None:
        """Answer what waits, then end."""


def n_new_tokens(n_prompt: int, asked: Asked, context: int, config: ServeConfig) -> int:
    """Most tokens of an answer.

    Args:
        n_prompt: Tokens of the prompt.
        asked: May name a number; without one an answer may have what the context leaves.
        context: Tokens of prompt and answer together.
        config: Bounds.

    Raises:
        PromptTooLong: If nothing, or less than was asked for, is left.
    """
    wanted = min(asked.max_tokens or config.max_new_tokens, config.max_new_tokens)
    left, least = context - n_prompt, wanted if asked.max_tokens else 1
    if n_prompt > config.max_prompt_tokens or left < least:
        raise PromptTooLong(
            f"the prompt has {n_prompt} tokens and {wanted} are asked for; the model's context is {context}, and "
            f"{config.max_prompt_tokens} is the longest prompt. Shorten it."
        )
    return min(wanted, left)
