"""A site that speaks the hub's protocol: what a repository is, its tree in pages, and files behind a redirect."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from huggingface_hub import close_session

DATASET, MODEL = "HuggingFaceFW/fineweb", "Qwen/Qwen3.5-35B-A3B-Base"
COMMIT = "9bb295ddab0e05d785b879661af7260fed5140fc"
ROOT = f"hf://datasets/{DATASET}@{COMMIT}"
PAGE = 2
"""Entries of a folder in one answer."""

Answer = tuple[int, dict[str, str], bytes]
API, TREE, PATHS, RESOLVE, STORAGE = r"/revision/", r"/tree/", r"/paths-info/", r"^/datasets/.*/resolve/", r"^/storage/"


def refusal(status: int, code: str = "", message: str = "", **headers: str) -> Answer:
    """An error answer as the hub sends it."""
    named = {"X-Error-Code": code, "X-Error-Message": message} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return status, {name: value for name, value in named.items() if value}, json.dumps({"error": message}).encode()


@dataclass(frozen=True)
class Request:
    """A request the hub received."""

    at: float
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Hub:
    """Its files, its next answers, and the requests it received.

    Args:
        folder: The files of all its repositories.
        commits: The commit each kind of repository is known by.
        stated_commit: The commit its answers name, if another one.
        stated_sha256: The sha256 it states where a file is read, if another one.
        instead: Patterns of addresses, and what the next such request gets: an answer, bytes until the cut (int)
            or seconds of silence (float).
    """

    folder: Path
    commits: dict[str, str]
    stated_commit: str | None = None
    stated_sha256: str | None = None
    ignores_ranges: bool = False
    instead: list[tuple[str, Answer | int | float]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    storage: str = ""
    """Another host than the hub's, as the real one has."""

    def next(self, path: str) -> Answer | int | float | None:
        for place, (pattern, answer) in enumerate(self.instead):
            if re.search(pattern, path):
                del self.instead[place]
                return answer
        return None

    def times(self, pattern: str) -> list[float]:
        """Times of the matching requests, in seconds of a clock."""
        return [request.at for request in self.requests if re.search(pattern, request.path)]


class Host(ThreadingHTTPServer):
    """Ignores clients that close the connection."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet."""


class Handler(BaseHTTPRequestHandler):
    """The API, the resolver and the storage; `serve_hub` sets `hub`."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_HEAD(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])))

    def _serve(self, body: bytes) -> None:
        hub, path = self.hub, unquote(self.path)
        hub.requests.append(Request(time.monotonic(), self.command, path, dict(self.headers)))
        instead = hub.next(path)
        if isinstance(instead, float):
            time.sleep(instead)
        elif isinstance(instead, tuple):
            return self._answer(instead)
        answer = self._stored(path) if path.startswith("/storage/") else self._of_repository(path, body)
        self._answer(answer, instead if isinstance(instead, int) else None)
        return None

    def _of_repository(self, path: str, body: bytes) -> Answer:
        kind = "datasets" if path.startswith(("/api/datasets/", "/datasets/")) else "models"
        what, revision, name = re.findall(r"/(revision|tree|paths-info|resolve)/([^/?]+)/?([^?]*)", path)[0]
        revision = self.hub.commits[kind] if revision == "main" else revision
        if revision != self.hub.commits[kind]:
            return refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if what == "revision":
            info = {
                "id": DATASET,
                "sha": self.hub.stated_commit or revision,
                "siblings": [],
                "tags": [],
                "private": False,
            }
            return 200, {"Content-Type": "application/json"}, json.dumps(info).encode()
        if what == "resolve":
            return self._redirect(revision, name)
        if what == "paths-info":
            wanted = [self.hub.folder / path for path in parse_qs(body.decode())["paths"]]
            return 200, {}, json.dumps([self._entry(file) for file in wanted if file.exists()]).encode()
        return self._tree(path, self.hub.folder / name)

    def _tree(self, path: str, folder: Path) -> Answer:
        if not folder.is_dir():
            return refusal(404, "EntryNotFound", "not there")
        query = parse_qs(urlsplit(path).query)
        start, recursive = int(query.get("cursor", ["0"])[0]), query.get("recursive") == ["true"]
        entries = sorted(folder.rglob("*") if recursive else folder.iterdir())
        following = f"{self.hub.url}{urlsplit(self.path).path}?recursive={query['recursive'][0]}&cursor={start + PAGE}"
        headers = {"Link": f'<{following}>; rel="next"'} if start + PAGE < len(entries) else {}
        return 200, headers, json.dumps([self._entry(entry) for entry in entries[start : start + PAGE]]).encode()

    def _entry(self, entry: Path) -> dict[str, Any]:
        path = entry.relative_to(self.hub.folder).as_posix()
        if entry.is_dir():
            return {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}
        content = entry.read_bytes()
        blob = sha1(content, usedforsecurity=False).hexdigest()
        lfs = {"oid": sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
        return {"type": "file", "oid": blob, "size": len(content), "path": path, "lfs": lfs}

    def _redirect(self, revision: str, name: str) -> Answer:
        file = self.hub.folder / name
        if not file.is_file():
            return refusal(404, "EntryNotFound", "not there")
        content = file.read_bytes()
        headers = {
            "X-Repo-Commit": self.hub.stated_commit or revision,
            "X-Linked-Size": str(len(content)),
            "X-Linked-ETag": f'"{self.hub.stated_sha256 or sha256(content).hexdigest()}"',
            "ETag": f'"{sha1(content, usedforsecurity=False).hexdigest()}"',
            "Location": f"{self.hub.storage}/storage/{name}?signature=test-signature",
        }
        return 302, headers, b""

    def _stored(self, path: str) -> Answer:
        content = (self.hub.folder / urlsplit(path).path.removeprefix("/storage/")).read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted is None or self.hub.ignores_ranges:
            return 200, {}, content
        start, end = int(wanted[1]), min(int(wanted[2]) + 1, len(content))
        return 206, {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}, content[start:end]

    def _answer(self, answer: Answer, cut_after: int | None = None) -> None:
        status, headers, body = answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut_after])
        self.close_connection = self.close_connection or cut_after is not None


@contextmanager
def serve_hub(folder: Path, **commits: str) -> Iterator[Hub]:
    """A hub on a free port of this machine."""
    hub = Hub(folder, commits)
    server = Host(("127.0.0.1", 0), type("OfThisHub", (Handler,), {"hub": hub}))
    hub.url, hub.storage = (f"http://{host}:{server.server_port}" for host in ("127.0.0.1", "localhost"))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def hub_of_model(model: Path, commit: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with one model, which is the hub of this process."""
    with serve_hub(model, models=commit) as served:
        template = f"{served.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", served.url)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        # Files are on another host, as on the real hub; a redirect on the same host would be followed for the headers.
        served.url = served.url.replace("127.0.0.1", "localhost")
        yield served
        close_session()
