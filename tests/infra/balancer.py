"""What stands before several servers: each new connection goes to the next of them that answers."""

import itertools
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

Address = tuple[str, int]


class Connection(socketserver.BaseRequestHandler):
    """A client's connection."""

    server: "Balancer"

    def handle(self) -> None:
        with suppress(OSError), self.server.connect() as upstream:
            back = threading.Thread(target=_pump, args=(upstream, self.request), daemon=True)
            back.start()
            _pump(self.request, upstream)
            back.join()


class Balancer(socketserver.ThreadingTCPServer):
    """Listens at an address for servers at others."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: Address, servers: list[Address]) -> None:
        super().__init__(address, Connection)
        self.turns = itertools.cycle(range(len(servers)))
        self.servers = servers

    def connect(self) -> socket.socket:
        first = next(self.turns)
        for server in [*self.servers[first:], *self.servers[:first]]:
            with suppress(OSError):
                return socket.create_connection(server, timeout=30)
        raise ConnectionRefusedError("no server answers")


@contextmanager
def balancer(address: Address, servers: list[Address]) -> Iterator[None]:
    """Until the block ends."""
    with Balancer(address, servers) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        yield
        running.shutdown()
        thread.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until one side closes; then both are closed."""
    source.settimeout(None)
    with suppress(OSError):
        while content := source.recv(65_536):
            target.sendall(content)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
