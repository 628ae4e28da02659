"""A server for Kaggle's client: sign-in, a redirect to a storage, and a storage that supports ranges."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tasks.panel.kaggle.config import FILE_NAME, PricesConfig
from tasks.panel.kaggle.publish import publish
from tasks.store.store import open_store

TOKEN = "KGAT-test-token-77e1"
USERNAME, KEY = "someone", "test-key-0f3a"
SIGNATURE = "test-signature-b2d9"
"""In the storage's addresses: who knows one may fetch the file."""
RULES = "You must accept this competition's rules before you'll be able to download files."

N_ROWS = 6 * 1500
"""Of the file it has in tests."""

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body; a Content-Length among the headers is sent as it is, and the line cut after the body."""


def refusal(code: int, message: str, **headers: str) -> Answer:
    """An answer as Kaggle gives it."""
    return (
        code,
        {"Content-Type": "application/json", **headers},
        json.dumps({"code": code, "message": message}).encode(),
    )


@dataclass
class Site:
    """Its file, its next responses, and the requests it received.

    Args:
        body: The file.
        to_sign_in: Answers given to the next sign-ins instead of the right one.
        to_ask: Answers given to the next questions for the file instead of the redirect.
        to_fetch: What happens to the next fetches: an answer, a number of bytes after which the line is cut, or the
            bytes the file has from then on.
        hold_at: Bytes after which every fetch waits until `let_go` is set.
    """

    body: bytes = b""
    name: str = "stock_prices.csv"
    to_sign_in: list[Answer] = field(default_factory=list)
    to_ask: list[Answer] = field(default_factory=list)
    to_fetch: list[Answer | int | bytes] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    hold_at: int | None = None
    let_go: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fetched: list[dict[str, str]] = field(default_factory=list)
    api: str = ""
    storage: str = ""

    @property
    def etag(self) -> str:
        """Of the file as it is now."""
        return f'"{md5(self.body, usedforsecurity=False).hexdigest()}"'

    @property
    def ranges(self) -> list[str | None]:
        """What part of the file was fetched, in order."""
        return [headers.get("Range") for headers in self.fetched]

    @property
    def asked_for_the_file(self) -> list[dict[str, Any]]:
        """The questions for the file, in order."""
        return [asked for path, asked in self.asked if path.endswith("/DownloadDataFile")]

    def may_enter(self, authorization: str) -> bool:
        """Whether this is one of the two keys."""
        return authorization in (f"Bearer {TOKEN}", f"Basic {b64encode(f'{USERNAME}:{KEY}'.encode()).decode()}")


class Host(ThreadingHTTPServer):
    """Ignores clients that hang up."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet."""


class Handler(BaseHTTPRequestHandler):
    """Of both hosts; `site` is set by `serve`."""

    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def answer(self, answer: Answer) -> None:
        code, headers, body = answer
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = "Content-Length" in headers

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.site.asked.append((self.path, asked))
        if self.path == "/v1/security.OAuthService/IntrospectToken":
            self.answer(self.site.to_sign_in.pop(0) if self.site.to_sign_in else self.introspected(asked["token"]))
        elif not self.site.may_enter(self.headers.get("Authorization", "")):
            self.answer(refusal(401, "Unauthenticated"))
        else:
            self.answer(self.site.to_ask.pop(0) if self.site.to_ask else self.redirect(asked))

    def introspected(self, token: str) -> Answer:
        body = {"active": token == TOKEN, "username": USERNAME}
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    def redirect(self, asked: dict[str, str]) -> Answer:
        assert self.path == "/v1/competitions.CompetitionApiService/DownloadDataFile"
        assert asked["competitionName"] == "jpx-tokyo-stock-exchange-prediction"
        assert asked["fileName"] == "train_files/stock_prices.csv"
        return 302, {"Location": f"{self.site.storage}/{self.site.name}?X-Goog-Signature={SIGNATURE}"}, b""

    def do_GET(self) -> None:
        self.site.fetched.append(dict(self.headers))
        planned = self.site.to_fetch.pop(0) if self.site.to_fetch else None
        if isinstance(planned, tuple):
            self.answer(planned)
            return
        if isinstance(planned, bytes):
            self.site.body, planned = planned, None
        with suppress(ConnectionError):
            self.send_file(planned)

    def send_file(self, cut_after: int | None) -> None:
        site, wanted = self.site, self.headers.get("Range", "")
        is_part = bool(wanted) and self.headers.get("If-Range") in (None, site.etag)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if is_part else 0
        self.send_response(206 if is_part else 200)
        headers = {"ETag": site.etag, "Accept-Ranges": "bytes", "Content-Length": str(len(site.body) - start)}
        if is_part:
            headers["Content-Range"] = f"bytes {start}-{len(site.body) - 1}/{len(site.body)}"
        for name, value in {**headers, **site.headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        stop = len(site.body) if cut_after is None else start + cut_after
        if site.hold_at is not None and start < site.hold_at:
            self.wfile.write(site.body[start : site.hold_at])
            site.let_go.wait(30)
            start = site.hold_at
        self.wfile.write(site.body[start:stop])
        if cut_after is not None or site.headers.get("Content-Length") == "":
            self.close_connection = True


@contextmanager
def serve() -> Iterator[Site]:
    """A site of two hosts, until the block ends."""
    site = Site()
    handler = type("OwnHandler", (Handler,), {"site": site})
    servers = [Host(("127.0.0.1", 0), handler) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    site.api, site.storage = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    try:
        yield site
    finally:
        site.let_go.set()
        for server in servers:
            server.shutdown()
            server.server_close()


def pinned(csv: bytes) -> PricesConfig:
    """What a file is published as by its digest."""
    return PricesConfig(sha256=sha256(csv).hexdigest())


def published(config: PricesConfig) -> bytes:
    """The bytes the store has after publishing."""
    store = open_store()
    return (store.fetch(publish(store, config)) / FILE_NAME).read_bytes()
