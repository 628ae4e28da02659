"""An HTTP proxy that adds faults to requests and answers."""

import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.store.faults.connection import Connection
from tests.store.faults.faults import Harm, Request, Script, no_harm


class FaultProxy(socketserver.ThreadingTCPServer):
    """Listens on a free port and passes requests to `upstream`, host and port."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.upstream = upstream
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self.obey(no_harm)

    @property
    def endpoint(self) -> str:
        """The address for clients."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def obey(self, script: Script) -> None:
        """Use a script from now on and restart all counts."""
        with self._lock:
            self.script = script
            self.requests: list[tuple[str, str]] = []
            self.harms: list[Harm] = []
            self._seen: Counter[tuple[str, str]] = Counter()

    def count(self, method: str, part: str) -> int:
        """Requests of a method whose path contains a part."""
        return sum(1 for seen, path in self.requests if seen == method and part in path)

    def harm_for(self, method: str, path: str) -> Harm:
        """Count a request and return the script's fault for it."""
        with self._lock:
            request = Request(method, path, self._seen[method, path], len(self.requests))
            self._seen[method, path] += 1
            self.requests.append((method, path))
            harm = self.script(request)
            if harm is not None:
                self.harms.append(harm)
            return harm

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients and servers that die during a request are expected."""


@contextmanager
def fault_proxy(upstream: tuple[str, int]) -> Iterator[FaultProxy]:
    """A proxy in front of a server until the block ends."""
    with FaultProxy(upstream) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield proxy
        proxy.closing.set()
        proxy.shutdown()
        thread.join()
