"""A file at a URL is read whole, or refused with what the server said: 404 is not 403, and a part is not the whole."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tasks.common import urls
from tasks.common.urls import Unanswered, read_url
from tasks.panel.config import CsvSource
from tasks.panel.errors import UnreadablePrices
from tasks.panel.source_version import probe_source
from tasks.panel.sources.reader import read_prices
from tasks.store.store import open_store

CONTENT = b"SecuritiesCode,Date,Close\n1301,2021-01-04,2742\n" * 40


class Handler(BaseHTTPRequestHandler):
    """`/503`: that status. `/cut`: half of the content. `/late`: 503 twice, then the content."""

    n_late = 0

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        what = self.path.strip("/")
        Handler.n_late += what == "late"
        status = int(what) if what.isdigit() else 503 if what == "late" and Handler.n_late < 3 else 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if what == "cut" else CONTENT)


@contextmanager
def served() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(urls, "exponential", lambda first, longest: lambda error, n_failed: 0.0)
    with served() as address:
        yield address


def test_a_file_is_read_whole_also_after_a_busy_moment(site: str) -> None:
    Handler.n_late = 0
    assert read_url(f"{site}/prices.csv") == CONTENT
    assert read_url(f"{site}/late") == CONTENT


@pytest.mark.parametrize(
    ("what", "kind", "message"),
    [
        ("401", PermissionError, "answers 401 Unauthorized"),
        ("403", PermissionError, "answers 403 Forbidden"),
        ("404", FileNotFoundError, "404"),
        ("410", OSError, "answers 410 Gone"),
        ("429", Unanswered, "answers 429 Too Many Requests, also when asked again"),
        ("500", Unanswered, "answers 500 Internal Server Error"),
        ("503", Unanswered, "answers 503 Service Unavailable"),
        ("cut", Unanswered, "broke off"),
    ],
)
def test_a_refusal_has_the_servers_status(site: str, what: str, kind: type[OSError], message: str) -> None:
    with pytest.raises(kind, match=message) as refused:
        read_url(f"{site}/{what}")
    assert isinstance(refused.value, FileNotFoundError) == (what == "404")


@pytest.mark.parametrize("what", ["403", "404", "503", "cut"])
def test_a_panel_and_the_nightly_look_refuse_in_a_sentence(site: str, what: str) -> None:
    source = CsvSource(csv=f"{site}/{what}")
    message = rf"price file http://.*/{what} cannot be read: .*({what}|broke off)"
    with pytest.raises(UnreadablePrices, match=message):
        read_prices(source, "point_in_time")
    with pytest.raises(UnreadablePrices, match=message):
        probe_source(source, open_store())


def test_a_server_that_is_away_is_not_a_missing_file(site: str) -> None:
    with served() as address:
        pass
    with pytest.raises(Unanswered, match="none came"):
        read_url(f"{address}/prices.csv")
