"""Follows a line's history: when another version is in production, the worker exchanges the adapter.

Whatever fails here leaves the version that answers as it is, and is said by `/health` and the metrics.
"""

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

from tasks.common.errors import HindsightError
from tasks.schemas.artifacts import Checkpoint
from tasks.serve.errors import UnservableVersion
from tasks.serve.served_model import ServedModel, load_served
from tasks.serve.worker import Worker
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions.history import History, Version
from tasks.versions.moves import existing_history

log = logging.getLogger(__name__)
HAS_NOT_ENDED_SECONDS = 600.0


def load_production(store: Store, line: str) -> ServedModel:
    """Load the version of a line that is in production.

    Raises:
        UnservableVersion: If none is, or it has no adapter.
        VersionError: If the line does not exist or its history is damaged.
    """
    version = _production(existing_history(store, line))
    artifacts = adapter_and_base(line, version)
    log.info("%s %s: fetching base and adapter", line, version.name)
    base = store.fetch(artifacts["base"])
    return load_served(base, version.name, artifacts["adapter"].digest, adapter_folder(store, line, version))


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
        poll_seconds: Time between two looks.
        problem: What keeps the version in production from being served; empty for nothing.
        n_failed: Looks that failed since the start.
    """

    store: Store
    line: str
    worker: Worker
    poll_seconds: float
    problem: str = ""
    n_failed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _refused: tuple[str, str] = ("", "")

    def start(self) -> None:
        """Follow in a thread of its own."""
        self._base = adapter_and_base(self.line, _production(existing_history(self.store, self.line)))["base"]
        threading.Thread(target=self._run, name="follow", daemon=True).start()

    def stop(self) -> None:
        """End after the present look."""
        self._stop.set()

    def look(self) -> None:
        """Read the history once, and exchange the adapter if another version is in production."""
        try:
            self._follow()
        except (HindsightError, OSError) as error:
            self.n_failed += 1
            if str(error) != self.problem:
                log.error("%s: %s", self.line, error)
            self.problem = str(error)

    def _follow(self) -> None:
        version = _production(existing_history(self.store, self.line))
        artifacts = adapter_and_base(self.line, version)
        active, wanted = self.worker.model.version, (version.name, artifacts["adapter"].digest)
        if (active.name, active.digest) == wanted:
            self.problem = ""
            return
        if wanted == self._refused:
            return  # said once, and shown by `problem` until another version is in production
        if artifacts["base"] != self._base:
            self._refused = wanted
            raise UnservableVersion(
                f"{self.line} {version.name} is in production and has another base, {artifacts['base'].path}, than is "
                f"served, {self._base.path}; {active.name} goes on answering. Start a server for {version.name}, and "
                "then end this one."
            )
        folder = adapter_folder(self.store, self.line, version)
        try:
            found = self.worker.exchange(*wanted, folder).result(HAS_NOT_ENDED_SECONDS)
        except HindsightError:
            self._refused = wanted
            raise
        self.problem = ""
        log.info("%s: %s answers, before it %s", self.line, found.name, active.name)

    def _run(self) -> None:
        while not self._stop.wait(self.poll_seconds):
            self.look()


def _production(history: History) -> Version:
    if (found := history.production) is None:
        raise UnservableVersion(
            f"no version of {history.line} is in production; `hindsight versions promote {history.line} VERSION "
            "--why REASON` puts one there."
        )
    return found
