"""The one thread that computes: it answers requests in turn, and exchanges the adapter between two of them.

So an answer is of one version from its first token to its last, and its version is known before its first token.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from tasks.serve.engine import LoadedVersion
from tasks.serve.errors import QueueFull, Stopped
from tasks.serve.served_model import Sampling, ServedModel

log = logging.getLogger(__name__)


@dataclass
class Answer:
    """A request that waits, or is being answered.

    Args:
        prompt: Token ids.
        sampling: How tokens are chosen.
        version: The version that answers; set before the first token.
        tokens: New tokens as they come, then None at the end, or the error.
        is_given_up: Set when nobody reads it any more.
    """

    prompt: list[int]
    sampling: Sampling
    version: LoadedVersion | None = None
    tokens: "queue.Queue[int | Exception | None]" = field(default_factory=queue.Queue)
    is_given_up: threading.Event = field(default_factory=threading.Event)

    def __iter__(self) -> Iterator[int]:
        """New tokens. Raises the worker's error."""
        while (token := self.tokens.get()) is not None:
            if isinstance(token, Exception):
                raise token
            yield token


@dataclass(frozen=True)
class _Exchange:
    name: str
    digest: str
    folder: Path
    done: "Future[LoadedVersion]"


class Worker:
    """The computing thread with its queue.

    Args:
        model: What it computes with; nobody else uses it from now on.
        max_waiting: Requests that may wait.
        exchange: How the adapter is exchanged; a test replaces it.
    """

    def __init__(
        self,
        model: ServedModel,
        max_waiting: int,
        exchange: Callable[[ServedModel, str, str, Path], LoadedVersion] = ServedModel.exchange,
    ) -> None:
        self.model, self.max_waiting = model, max_waiting
        self.seconds_of_exchanges: list[float] = []
        self._exchange = exchange
        self._jobs: queue.Queue[Answer | _Exchange | None] = queue.Queue()
        self._n_waiting, self._lock, self._is_stopping = 0, threading.Lock(), False
        self._thread = threading.Thread(target=self._run, name="serve", daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """Requests that no token was computed for yet."""
        return self._n_waiting

    @property
    def is_alive(self) -> bool:
        """Whether it computes."""
        return self._thread.is_alive() and not self._is_stopping

    def ask(self, prompt: list[int], sampling: Sampling) -> Answer:
        """Queue a request.

        Raises:
            QueueFull: If too many wait.
            Stopped: If the worker ends.
        """
        answer = Answer(prompt, sampling)
        with self._lock:
            if not self.is_alive:
                raise Stopped("the server is ending; ask again in a minute.")
            if self._n_waiting >= self.max_waiting:
                raise QueueFull(f"{self._n_waiting} requests wait, and {self.max_waiting} may; ask again later.")
            self._n_waiting += 1
            self._jobs.put(answer)
        return answer

    def exchange(self, name: str, digest: str, folder: Path) -> "Future[LoadedVersion]":
        """Queue an exchange of the adapter, behind the requests that wait already."""
        job = _Exchange(name, digest, folder, Future())
        with self._lock:
            if not self.is_alive:
                raise Stopped("the server is ending; no version is exchanged.")
            self._jobs.put(job)
        return job.done

    def stop(self, timeout: float = 60.0) -> None:
        """Answer what waits, then end."""
        with self._lock:
            self._is_stopping = True
            self._jobs.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if isinstance(job, _Exchange):
                self._do_exchange(job)
            else:
                with self._lock:
                    self._n_waiting -= 1
                self._answer(job)

    def _answer(self, answer: Answer) -> None:
        answer.version = self.model.version

        def emit(token: int) -> bool:
            answer.tokens.put(token)
            return not answer.is_given_up.is_set()

        try:
            if not answer.is_given_up.is_set():
                self.model.generate(answer.prompt, answer.sampling, emit)
            answer.tokens.put(None)
        except Exception as error:
            # The prompt may be in the error's text, and logs hold no prompts.
            log.error("a request failed: %s", type(error).__name__)
            answer.tokens.put(error)

    def _do_exchange(self, job: _Exchange) -> None:
        started = time.monotonic()
        try:
            found = self._exchange(self.model, job.name, job.digest, job.folder)
        except Exception as error:
            job.done.set_exception(error)
            return
        self.seconds_of_exchanges.append(time.monotonic() - started)
        job.done.set_result(found)
