"""The engine of merged GGUF files: a llama.cpp process per version, and a switch from one to the next.

The next version's process is started beside the one that answers and must give the answers that its export recorded.
From then on it gets the new requests. Those that were open are answered by the process that they began with, which then
ends. One thread starts, watches and ends processes: the kernel kills a process when the thread that started it ends.
"""

import logging
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

from tasks.schemas.examples import Exported
from tasks.serve.config import ServeConfig
from tasks.serve.engine import LoadedVersion
from tasks.serve.errors import QueueFull, Stopped, UnservableVersion
from tasks.serve.llama_process import ENDED, LlamaProcess, LlamaReply, options_of, start
from tasks.serve.production import artifacts_of, in_production, message_of
from tasks.serve.schemas import Asked
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions.history import Version
from tasks.versions.moves import existing_history

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 60.0
"""Between two attempts to restart a process that ends again and again."""
DRAIN_SECONDS = 600.0
"""The earlier version's process has so long to end its answers; the next exchange waits for that."""


@dataclass(frozen=True)
class _Order:
    name: str
    digest: str
    exported: Exported
    done: "Future[LoadedVersion]"


class LlamaEngine:
    """Serves the version in production, and exchanges it.

    Args:
        store: Holds the exports.
        line: The line.
        config: Bounds.

    Raises:
        ServeError: If the version in production cannot be served, nor, where it has no export, one before it.
    """

    def __init__(self, store: Store, line: str, config: ServeConfig) -> None:
        self.store, self.line, self.config = store, line, config
        self.seconds_of_exchanges: list[float] = []
        self.n_restarts, self.n_waiting, self.problem = 0, 0, ""
        self._active: LlamaProcess | None = None
        self._earlier: LlamaProcess | None = None
        self._drains_until, self._retry_at, self._pause = 0.0, 0.0, WATCH_SECONDS
        self._orders: queue.Queue[_Order] = queue.Queue()
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="llama.cpp", daemon=True)
        self._thread.start()
        try:
            self.exchange(self._first_version())
        except BaseException:
            self.stop()
            raise

    @property
    def active(self) -> LlamaProcess:
        """The process that gets the next request. Raises Stopped if there is none."""
        if self._active is None:
            raise Stopped(ENDED)
        return self._active

    @property
    def version(self) -> LoadedVersion:
        """The version that answers the next request."""
        return self.active.version

    @property
    def is_alive(self) -> bool:
        """Whether the process runs and is watched."""
        is_watched = self._thread.is_alive() and not self._stopping.is_set()
        return is_watched and self._active is not None and self._active.is_running

    def digest_of(self, version: Version) -> str:
        """Digest of the version's export."""
        return self._export_of(version).digest

    def exchange(self, version: Version) -> LoadedVersion:
        """Fetch the version's export, every byte hashed, and have its process started and made the active one."""
        ref = self._export_of(version)
        log.info("%s %s: fetching the export", self.line, version.name)
        order = _Order(version.name, ref.digest, Exported(self.store.fetch(ref)), Future())
        self._orders.put(order)
        while not order.done.done() and self._thread.is_alive():
            self._stopping.wait(WATCH_SECONDS / 10)
        if not order.done.done():
            raise Stopped("the server is ending; no version is exchanged.")
        return order.done.result()

    def answer(self, asked: Asked) -> LlamaReply:
        """Render and tokenize a request by the active process, which then computes the answer."""
        process = self._opened()
        try:
            prompt = process.prompt(asked)
            options = options_of(asked, len(prompt), process.running.n_context, self.config)
        except BaseException:
            self._begun()
            self._release(process)
            raise
        return LlamaReply(process, prompt, options, self._begun, lambda: self._release(process))

    def stop(self, timeout: float = 60.0) -> None:
        """End the processes; requests that are open break off. One that is still starting ends with this process."""
        self._stopping.set()
        self._thread.join(timeout)

    def _first_version(self) -> Version:
        """The version in production; where it has no export, the one that was promoted last and has one.

        A server that restarts answers by what it answered with before. The follower says that it is behind.
        """
        current = in_production(self.store, self.line)
        try:
            self._export_of(current)
        except UnservableVersion as error:
            history = existing_history(self.store, self.line)
            earlier = (history.version(name) for name in reversed(history.promoted[:-1]))
            found = next((own for own in earlier if "export" in own.evidence.artifacts), None)
            if found is None:
                raise
            log.error("%s %s answers until a version with an export is in production.", error, found.name)
            return found
        return current

    def _export_of(self, version: Version) -> ArtifactRef:
        way_out = "llama.cpp serves the export of a release; serve an adapter by `--engine transformers`"
        return artifacts_of(self.line, version, ("export",), way_out)["export"]

    def _opened(self) -> LlamaProcess:
        with self._lock:
            if not self.is_alive:
                raise Stopped(ENDED)
            # One is computed beside those that wait.
            if self.n_waiting > self.config.max_waiting:
                raise QueueFull(f"{self.n_waiting} requests wait, and {self.config.max_waiting} may; ask again later.")
            process = self.active
            process.n_open += 1
            self.n_waiting += 1
            return process

    def _begun(self) -> None:
        with self._lock:
            self.n_waiting -= 1

    def _release(self, process: LlamaProcess) -> None:
        with self._lock:
            process.n_open -= 1

    def _run(self) -> None:
        try:
            while not self._stopping.wait(WATCH_SECONDS):
                self._end_earlier()
                self._restart()
                if self._earlier is None and not self._orders.empty():
                    self._obey(self._orders.get())
        except Exception as error:
            self.problem = f"the thread that watches llama.cpp has ended ({message_of(error)}); restart the server."
            log.error(self.problem)
        finally:
            for process in (self._active, self._earlier):
                if process:
                    process.resources.close()

    def _obey(self, order: _Order) -> None:
        started = time.monotonic()
        try:
            process = start(order.name, order.digest, order.exported, self.config)
        except Exception as error:
            order.done.set_exception(error)
            return
        if self._active:
            self.seconds_of_exchanges.append(time.monotonic() - started)
        self._switch(process)
        order.done.set_result(process.version)

    def _switch(self, process: LlamaProcess) -> None:
        """From here on new requests go to this process."""
        with self._lock:
            self._earlier, self._active = self._active, process
        self._drains_until, self._pause, self.problem = time.monotonic() + DRAIN_SECONDS, WATCH_SECONDS, ""

    def _end_earlier(self) -> None:
        earlier = self._earlier
        if earlier and (earlier.n_open == 0 or not earlier.is_running or time.monotonic() > self._drains_until):
            self._earlier = None
            earlier.resources.close()

    def _restart(self) -> None:
        """Start the active version's process anew, if it has ended by itself."""
        active = self._active
        if active is None or active.is_running or time.monotonic() < self._retry_at:
            return
        version = active.version
        ended = f"the process of {self.line} {version.name} has ended with status {active.running.status}"
        self.problem = f"{ended} and is started again."
        log.error(self.problem)
        try:
            process = start(version.name, version.digest, active.exported, self.config)
        except Exception as error:
            self.problem = f"{ended}, and cannot be started again: {message_of(error)}"
            log.error(self.problem)
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            self._retry_at = time.monotonic() + self._pause
            return
        self.n_restarts += 1
        self._switch(process)
