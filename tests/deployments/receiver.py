"""A receiver of webhooks on this machine."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What arrived, and where it listens.

    Args:
        port: On 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/services/T0KEN-that-nobody-may-see"
        self.received: list[dict[str, Any]] = []

    def of_run(self, run_id: object, kind: str) -> list[dict[str, Any]]:
        """What arrived about a run."""
        return [each for each in self.received if (each["id"], each["kind"]) == (str(run_id), kind)]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Listens until the block ends. What is not JSON ends in an error 500, which a test sees as silence."""
    heard: list[Receiver] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard[0].received.append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.append(Receiver(server.server_port))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield heard[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
