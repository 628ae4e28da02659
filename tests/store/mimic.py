"""An S3 server of the tests' own, in memory, with the deviations that S3-compatible servers were seen to have."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.s3_server import ACCESS_KEY, SECRET_KEY


@dataclass(frozen=True)
class Deviations:
    """How the server differs from S3.

    Args:
        page_size: Keys of a page of a listing.
        next_page: `token`: as S3 says. `none`: a page that is not the last gives no token, and `StartAfter` is known.
            `marker`: of listings only the first version is known, which gives NextMarker. `never`: the rest is not had.
        condition: What `If-None-Match: *` gives where the key exists: `412`; or, whether it exists or not, `ignored`,
            `400` (InvalidArgument), `bare 501` (no body) or `NotImplemented`.
        ranges: Whether a range of an object can be asked for; otherwise the whole is sent.
        checksums: Whether a body that differs from its checksum is refused.
        continues: Whether `Expect: 100-continue` is answered.
    """

    page_size: int = 1_000
    next_page: Literal["token", "none", "marker", "never"] = "token"
    condition: Literal["412", "ignored", "400", "bare 501", "NotImplemented"] = "412"
    ranges: bool = True
    checksums: bool = True
    continues: bool = True


MIMICS = {
    "as S3": Deviations(),
    "listing without token": Deviations(page_size=3, next_page="none"),
    "first listing only": Deviations(page_size=3, next_page="marker"),
    "condition ignored": Deviations(condition="ignored"),
    "condition 400": Deviations(condition="400"),
    "condition bare 501": Deviations(condition="bare 501"),
    "condition NotImplemented": Deviations(condition="NotImplemented"),
    "no ranges": Deviations(ranges=False),
    "no checksums": Deviations(checksums=False),
    "Expect ignored": Deviations(continues=False),
}
"""By name, every deviation that the store must bear."""


@dataclass
class Mimic:
    """A running server: its address, its objects, and the requests it got."""

    deviations: Deviations
    endpoint: str = ""
    bucket: str = "hindsight"
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def environment(self) -> dict[str, str]:
        """What a client's environment must say."""
        return {
            "HINDSIGHT_S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
        }


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def handle_expect_100(self) -> bool:
        return super().handle_expect_100() if self.mimic.deviations.continues else True

    @property
    def mimic(self) -> Mimic:
        return self.server.mimic

    def address(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        self.mimic.requests.append((self.command, self.path))
        _, _, key = unquote(parts.path).lstrip("/").partition("/")
        return key, {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None, length: int = -1) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length < 0 else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def do_PUT(self) -> None:
        key, _ = self.address()
        content = self.rfile.read(int(self.headers["Content-Length"]))
        refused = self.condition_refused(key)
        if refused:
            status, code = refused
            return self.refuse(status, code) if code else self.answer(status)
        if self.mimic.deviations.checksums and not self.sums_hold(content):
            return self.refuse(400, "BadDigest")
        with self.mimic.lock:
            self.mimic.objects[key] = (content, datetime.now(UTC))
        return self.answer(200, headers={"ETag": f'"{hashlib.md5(content).hexdigest()}"'})  # noqa: S324 (S3's own)

    def condition_refused(self, key: str) -> tuple[int, str] | None:
        if "If-None-Match" not in self.headers:
            return None
        answers = {"400": (400, "InvalidArgument"), "bare 501": (501, ""), "NotImplemented": (501, "NotImplemented")}
        if self.mimic.deviations.condition == "412":
            return (412, "PreconditionFailed") if key in self.mimic.objects else None
        return answers.get(self.mimic.deviations.condition)

    def sums_hold(self, content: bytes) -> bool:
        digests = {
            "x-amz-checksum-sha256": hashlib.sha256(content).digest(),
            "Content-MD5": hashlib.md5(content).digest(),  # noqa: S324 (S3's own)
        }
        return all(
            self.headers.get(name) in (None, base64.b64encode(digest).decode()) for name, digest in digests.items()
        )

    def do_GET(self) -> None:
        key, query = self.address()
        if not key:
            return self.list_uploads() if "uploads" in query else self.list_objects(query)
        if key not in self.mimic.objects:
            return self.refuse(404, "NoSuchKey")
        content, modified = self.mimic.objects[key]
        headers = {"Last-Modified": format_datetime(modified, usegmt=True)}
        asked = self.headers.get("Range")
        if asked and self.mimic.deviations.ranges:
            start, stop = asked.removeprefix("bytes=").split("-")
            part = content[int(start) : int(stop) + 1]
            headers["Content-Range"] = f"bytes {start}-{int(start) + len(part) - 1}/{len(content)}"
            return self.answer(206, part, headers)
        return self.answer(200, content, headers)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        key, _ = self.address()
        with self.mimic.lock:
            self.mimic.objects.pop(key, None)
        self.answer(204)

    def list_objects(self, query: dict[str, str]) -> None:
        deviations = self.mimic.deviations
        is_second = query.get("list-type") == "2" and deviations.next_page != "marker"
        token = unquote(query.get("continuation-token", ""))
        after = (token or query.get("start-after", "")) if is_second else query.get("marker", "")
        if deviations.next_page == "never":
            after = ""
        with self.mimic.lock:
            names = sorted(name for name in self.mimic.objects if name.startswith(query.get("prefix", "")))
            left = [name for name in names if name > after]
            page = left[: deviations.page_size]
            found = "".join(self.entry(name) for name in page)
        is_cut = len(left) > len(page)
        tail = ""
        if is_cut and deviations.next_page == "token":
            tail = f"<NextContinuationToken>{escape(quote(page[-1]))}</NextContinuationToken>"
        if is_cut and not is_second:
            tail = f"<NextMarker>{escape(quote(page[-1]))}</NextMarker>"
        body = (
            f"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{str(is_cut).lower()}</IsTruncated>"
            f"{found}{tail}</ListBucketResult>"
        )
        self.answer(200, body.encode())

    def entry(self, name: str) -> str:
        content, modified = self.mimic.objects[name]
        return (
            f"<Contents><Key>{escape(quote(name))}</Key><Size>{len(content)}</Size>"
            f"<LastModified>{modified:%Y-%m-%dT%H:%M:%S.%f}Z</LastModified></Contents>"
        )

    def list_uploads(self) -> None:
        self.answer(200, b"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>")


class Server(ThreadingHTTPServer):
    """Listens on a free port."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, mimic: Mimic) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mimic = mimic
        mimic.endpoint = f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serve_mimic(deviations: Deviations) -> Iterator[Mimic]:
    """A server until the block ends."""
    with Server(Mimic(deviations)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server.mimic
        server.shutdown()
        thread.join()
