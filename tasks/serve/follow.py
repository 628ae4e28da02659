"""Follows a line's history: when another version is in production, the worker exchanges the adapter.

Whatever fails here leaves the version that answers as it is, and is said by `/health` and the metrics.
"""

import logging
import threading
from concurrent.futures import wait
from dataclasses import dataclass, field
from pathlib import Path

from tasks.common.errors import HindsightError
from tasks.forward.errors import UnusableAdapter
from tasks.schemas.artifacts import Checkpoint
from tasks.serve.errors import FailedExchange, UnendedExchange, UnservableVersion, WrongAnswers
from tasks.serve.served_model import LoadedVersion, ServedModel, load_served
from tasks.serve.worker import Worker
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions.history import History, Version
from tasks.versions.moves import existing_history

log = logging.getLogger(__name__)
HAS_NOT_ENDED_SECONDS = 600.0
Wanted = tuple[str, str]
"""Name of a version and digest of its adapter."""


def load_production(store: Store, line: str) -> tuple[ServedModel, ArtifactRef]:
    """Load the version of a line that is in production.

    Returns:
        The model, and the base that it was loaded with. Another version may be in production once that has ended.

    Raises:
        UnservableVersion: If none is, or it has no adapter.
        VersionError: If the line does not exist or its history is damaged.
    """
    version = _production(existing_history(store, line))
    artifacts = adapter_and_base(line, version)
    log.info("%s %s: fetching base and adapter", line, version.name)
    adapter = adapter_folder(store, line, version)
    model = load_served(store.fetch(artifacts["base"]), version.name, artifacts["adapter"].digest, adapter)
    return model, artifacts["base"]


def adapter_and_base(line: str, version: Version) -> dict[str, ArtifactRef]:
    """The artifacts that are served.

    Raises:
        UnservableVersion: If the version has no adapter.
    """
    found = version.evidence.artifacts
    if missing := {"adapter", "base"} - found.keys():
        raise UnservableVersion(
            f"{line} {version.name} has no {' and no '.join(sorted(missing))}, and this server exchanges adapters; "
            "serve a merged model by llama.cpp from its export."
        )
    return found


def adapter_folder(store: Store, line: str, version: Version) -> Path:
    """Fetch the version's adapter, every byte hashed.

    Raises:
        UnservableVersion: If every weight of the model was trained.
    """
    checkpoint = Checkpoint(store.fetch(adapter_and_base(line, version)["adapter"]))
    if checkpoint.arm != "lora":
        raise UnservableVersion(f"{line} {version.name} has trained every weight, and this server exchanges adapters.")
    return checkpoint.adapter_dir


@dataclass
class Follower:
    """Looks at the history again and again.

    Args:
        store: Holds the history.
        line: The line.
        worker: Computes.
        base: Of the model that the worker computes with.
        poll_seconds: Time between two looks.
        n_failed: Looks that failed since the start.
    """

    store: Store
    line: str
    worker: Worker
    base: ArtifactRef
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
        """Read the history once, and exchange the adapter if another version is in production."""
        try:
            self._follow()
        except Exception as error:
            self.n_failed += 1
            problem = message_of(error)
            if problem != self._problem:
                log.error("%s: %s", self.line, problem)
            self._problem = problem

    def _follow(self) -> None:
        version = _production(existing_history(self.store, self.line))
        active, wanted = (
            self.worker.model.version,
            (version.name, adapter_and_base(self.line, version)["adapter"].digest),
        )
        if (active.name, active.digest) == wanted:
            self._problem, self._refused = "", None
            return
        if self._refused and self._refused[0] == wanted:
            self._problem = self._refused[1]
            return
        try:
            found = self._exchanged(version, wanted)
        except (UnservableVersion, UnusableAdapter, WrongAnswers, FailedExchange) as error:
            self._refused = (wanted, str(error))
            raise
        self._problem, self._refused = "", None
        log.info("%s: %s answers, before it %s", self.line, found.name, active.name)

    def _exchanged(self, version: Version, wanted: Wanted) -> LoadedVersion:
        name, active = f"{self.line} {version.name}", self.worker.model.version.name
        base = adapter_and_base(self.line, version)["base"]
        if base != self.base:
            raise UnservableVersion(
                f"{name} is in production and has another base, {base.path}, than is served, {self.base.path}; "
                f"{active} goes on answering. Start a server for {version.name}, and then end this one."
            )
        order = self.worker.exchange(*wanted, adapter_folder(self.store, self.line, version))
        wait([order], HAS_NOT_ENDED_SECONDS)
        if not order.done():
            raise UnendedExchange(f"the exchange to {name} has not ended after {HAS_NOT_ENDED_SECONDS:.0f} s.")
        try:
            return order.result()
        except (HindsightError, OSError):
            raise
        except Exception as error:
            raise FailedExchange(
                f"{name} is in production and could not be loaded: {message_of(error)}; {active} goes on answering. "
                f"Restart the server, or promote {version.name} again after another version."
            ) from error

    def _run(self) -> None:
        while not self._stop.wait(self.poll_seconds):
            self.look()


def message_of(error: Exception) -> str:
    """What is shown of an error: never empty, and with its type where the text was not written for a reader."""
    text = str(error)
    return text if text and isinstance(error, HindsightError) else f"{type(error).__name__}: {text}".rstrip(": ")


def _production(history: History) -> Version:
    if (found := history.production) is None:
        raise UnservableVersion(
            f"no version of {history.line} is in production; `hindsight versions promote {history.line} VERSION "
            "--why REASON` puts one there."
        )
    return found
