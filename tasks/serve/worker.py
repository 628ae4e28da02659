"""The one thread that computes: it answers requests in turn, and exchanges the adapter between two of them.

So an answer is of one version from its first token to its last, and its version is known before its first token. An
exchange goes by steps, and requests that wait are answered between two of them: it never holds them up for long.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from tasks.forward.adapters import Adapter
from tasks.serve.engine import LoadedVersion
from tasks.serve.errors import QueueFull, Stopped
from tasks.serve.served_model import Sampling, ServedModel

log = logging.getLogger(__name__)

ANSWERING_PER_STEP = 4.0
"""While requests wait, after each step of an exchange they have this many times its duration: a fifth of the time at
most goes to the exchange."""
Steps = Generator[None, None, LoadedVersion]


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
    steps: Steps
    done: "Future[LoadedVersion]"


class Worker:
    """The computing thread with its queue.

    Args:
        model: What it computes with; nobody else uses it from now on.
        max_waiting: Requests that may wait.
        exchange: The steps by which the adapter is exchanged; a test replaces it.
    """

    def __init__(
        self,
        model: ServedModel,
        max_waiting: int,
        exchange: Callable[[ServedModel, str, str, Adapter], Steps] = ServedModel.exchange,
    ) -> None:
        self.model, self.max_waiting = model, max_waiting
        self.seconds_of_exchanges: list[float] = []
        self._exchange, self._is_stopping = exchange, False
        self._answers: deque[Answer] = deque()
        self._exchanges: deque[_Exchange] = deque()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="serve", daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """Requests that no token was computed for yet."""
        return len(self._answers)

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
        with self._changed:
            if not self.is_alive:
                raise Stopped("the server is ending; ask again in a minute.")
            if self.n_waiting >= self.max_waiting:
                raise QueueFull(f"{self.n_waiting} requests wait, and {self.max_waiting} may; ask again later.")
            self._answers.append(answer)
            self._changed.notify()
        return answer

    def exchange(self, name: str, digest: str, folder: Path) -> "Future[LoadedVersion]":
        """Read an adapter in the caller's thread, and order its exchange.

        Raises:
            UnusableAdapter: If it does not fit.
            Stopped: If the worker ends.
        """
        job = _Exchange(self._exchange(self.model, name, digest, self.model.read(name, folder)), Future())
        with self._changed:
            if not self.is_alive:
                raise Stopped("the server is ending; no version is exchanged.")
            self._exchanges.append(job)
            self._changed.notify()
        return job.done

    def stop(self, timeout: float = 60.0) -> None:
        """Answer what waits, then end."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._exchanges or self._answers or self._is_stopping)
                order = self._exchanges.popleft() if self._exchanges else None
            if order:
                self._do_exchange(order)
            elif not self._answer_next():
                return

    def _answer_next(self) -> bool:
        """Answer the request that waits longest; whether there was one."""
        with self._changed:
            if not self._answers:
                return False
            answer = self._answers.popleft()
        self._answer(answer)
        return True

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
            while True:
                step_began = time.monotonic()
                next(job.steps)
                self._answer_for(ANSWERING_PER_STEP * (time.monotonic() - step_began))
        except StopIteration as ended:
            self.seconds_of_exchanges.append(time.monotonic() - started)
            job.done.set_result(ended.value)
        except Exception as error:
            job.done.set_exception(error)

    def _answer_for(self, seconds: float) -> None:
        """Answer requests that wait, as many as begin within this time."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and self._answer_next():
            pass
