"""One connection through the fault proxy: requests are passed on, answered, or disturbed.

All headers are passed unchanged, Host among them: the client signs it for the proxy's address, and the server checks
the signature against the header it gets.
"""

import os
import socket
import struct
import threading
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from typing import Protocol

from tests.store.faults.faults import Fault, Harm, Interruption, Refusal


@dataclass(frozen=True)
class Answer:
    """The server's answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Proxy(Protocol):
    """The part of the proxy that a connection uses."""

    upstream: tuple[str, int]
    closing: threading.Event

    def harm_for(self, method: str, path: str) -> Harm:
        """Count a request and return the script's fault for it."""


class Connection(BaseHTTPRequestHandler):
    """Requests of one client connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def pass_on(self) -> None:
        harm = self.server.harm_for(self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if harm is Fault.SLOW_DOWN:
            harm = Refusal(503, "SlowDown")
        if isinstance(harm, Refusal):
            body = f"<Error><Code>{harm.code}</Code><Message>As the script says.</Message></Error>" if harm.code else ""
            return self._reply(Answer(harm.status, [("Content-Type", "application/xml")], body.encode()))
        if harm is Fault.LIE:
            return self._reply(Answer(200, [("ETag", '"00000000000000000000000000000000"')], b""))
        if harm is Fault.FLIP_SENT:
            body = _flipped(body, 2)
        try:
            answer = self._ask(body, harm)
        except (OSError, HTTPException):
            # The server is down: close the client's connection.
            return self._reset()
        if harm is Fault.LOST_REPLY:
            return self._reset()
        if harm is Fault.STALL:
            return self._stall()
        return self._reply(answer, harm)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = pass_on  # noqa: N815

    def _ask(self, body: bytes, harm: Harm) -> Answer:
        connection = HTTPConnection(*self.server.upstream, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("expect", "connection"):
                connection.putheader(name, value)
        connection.endheaders(body[: len(body) // 2] or None)
        if harm is Fault.RESET:
            _reset(connection.sock)
            raise ConnectionResetError("as the script says")
        if isinstance(harm, Interruption) and harm.halfway:
            harm.action()
        connection.send(body[len(body) // 2 :])
        response = connection.getresponse()
        answer = Answer(response.status, response.getheaders(), response.read())
        connection.close()
        if isinstance(harm, Interruption) and not harm.halfway:
            harm.action()
        return answer

    def _reply(self, answer: Answer, harm: Harm = None) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        length = {name.lower(): value for name, value in answer.headers}.get("content-length")
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(answer.body)))
        self.end_headers()
        if self.command == "HEAD" or not answer.body:
            return
        body = _flipped(answer.body, 1) if harm is Fault.FLIP else answer.body
        self.wfile.write(body[: len(body) // 2] if harm in (Fault.CUT, Fault.STALL_HALFWAY) else body)
        if harm is Fault.CUT:
            self.close_connection = True
        if harm is Fault.STALL_HALFWAY:
            self._stall()

    def _stall(self) -> None:
        # Silent until the client gives up: its own end of the connection becomes readable.
        while not self.server.closing.is_set():
            self.connection.settimeout(0.1)
            try:
                if not self.connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.close_connection = True

    def _reset(self) -> None:
        self.close_connection = True
        _reset(self.connection)

    def log_message(self, format: str, *args: object) -> None:
        """No log in the test's output."""


def _flipped(body: bytes, bit: int) -> bytes:
    # Different bits in the two directions: the same bit would be restored when it is read back.
    half = len(body) // 2
    return body[:half] + bytes([body[half] ^ bit]) + body[half + 1 :] if body else body


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())
