"""Follows a line's history: when another version is in production, the engine exchanges the one that answers.

Whatever fails here leaves the version that answers as it is, and is said by `/health` and the metrics.
"""

import logging
import threading
from dataclasses import dataclass, field

from tasks.forward.errors import UnusableAdapter
from tasks.serve.engine import Engine
from tasks.serve.errors import FailedExchange, UnservableVersion, WrongAnswers
from tasks.serve.production import in_production, message_of
from tasks.store.store import Store

log = logging.getLogger(__name__)
Wanted = tuple[str, str]
"""Name of a version and digest of what is served of it."""


@dataclass
class Follower:
    """Looks at the history again and again.

    Args:
        store: Holds the history.
        line: The line.
        engine: Answers.
        poll_seconds: Time between two looks.
        n_failed: Looks that failed since the start.
    """

    store: Store
    line: str
    engine: Engine
    poll_seconds: float
    n_failed: int = 0
    _problem: str = ""
    _refused: tuple[Wanted, str] | None = None
    """The version that was tried and failed, and why. It is not tried again while it stays in production."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def problem(self) -> str:
        """What keeps the version in production from being served; empty for nothing."""
        return " ".join(filter(None, (self.engine.problem, self._own_problem)))

    @property
    def _own_problem(self) -> str:
        if self._thread and not self._thread.is_alive() and not self._stop.is_set():
            return f"the thread that follows {self.line} has ended; restart the server. {self._problem}".rstrip()
        return self._problem

    def start(self) -> None:
        """Follow in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the present look."""
        self._stop.set()

    def look(self) -> None:
        """Read the history once, and exchange the version if another version is in production."""
        try:
            self._follow()
        except Exception as error:
            self.n_failed += 1
            problem = message_of(error)
            if problem != self._problem:
                log.error("%s: %s", self.line, problem)
            self._problem = problem

    def _follow(self) -> None:
        version, active = in_production(self.store, self.line), self.engine.version
        wanted = (version.name, self.engine.digest_of(version))
        if (active.name, active.digest) == wanted:
            self._problem, self._refused = "", None
            return
        if self._refused and self._refused[0] == wanted:
            self._problem = self._refused[1]
            return
        try:
            found = self.engine.exchange(version)
        except (UnservableVersion, UnusableAdapter, WrongAnswers, FailedExchange) as error:
            self._refused = (wanted, str(error))
            raise
        self._problem, self._refused = "", None
        log.info("%s: %s answers, before it %s", self.line, found.name, active.name)

    def _run(self) -> None:
        # At once: an engine may have begun with an earlier version than the one in production.
        self.look()
        while not self._stop.wait(self.poll_seconds):
            self.look()
