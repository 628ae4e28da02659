"""An HTTP proxy that harms what passes through it."""

import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.store.faults.faults import Fault, Harm, Interruption, Request, Script, no_harm
from tests.store.faults.passage import Passage


class FaultProxy(socketserver.ThreadingTCPServer):
    """Listens on a port of its own and passes on to `upstream`, host and port."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Passage)
        self.upstream = upstream
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self.obey(no_harm)

    @property
    def endpoint(self) -> str:
        """What a client takes for the server."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def obey(self, script: Script) -> None:
        """Follow a script from now on, counting requests and harms anew."""
        with self._lock:
            self.script = script
            self.requests: list[tuple[str, str]] = []
            self.harms: list[Fault | Interruption] = []
            self._seen: Counter[tuple[str, str]] = Counter()

    def count(self, method: str, part: str) -> int:
        """Requests of a method whose path contains a part."""
        return sum(1 for seen, path in self.requests if seen == method and part in path)

    def harm_for(self, method: str, path: str) -> Harm:
        """Count a request and ask the script about it."""
        with self._lock:
            request = Request(method, path, self._seen[method, path], len(self.requests))
            self._seen[method, path] += 1
            self.requests.append((method, path))
            harm = self.script(request)
            if harm is not None:
                self.harms.append(harm)
            return harm

    def handle_error(self, request: object, client_address: object) -> None:
        """A client or server that dies in mid-request is what this proxy is for."""


@contextmanager
def fault_proxy(upstream: tuple[str, int]) -> Iterator[FaultProxy]:
    """A proxy before a server until the block ends."""
    with FaultProxy(upstream) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield proxy
        proxy.closing.set()
        proxy.shutdown()
        thread.join()
