"""Data sets of the Hugging Face hub at a pinned commit: listed, identified, and read by ranges."""

import re
from functools import cache, partial
from typing import Any

import httpx
from huggingface_hub import HfApi, get_session, hf_hub_url, hf_raise_for_status, set_client_factory
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.hf_file_system import HfFileSystemFile
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
from huggingface_hub.utils._http import default_client_factory

from tasks.corpus.errors import SourceChanged, SourceUnreachable
from tasks.corpus.sources.reader import SourceFile
from tasks.corpus.sources.remote import call_server

HUB_ROOT = re.compile(r"hf://datasets/(?P<repo>[^@]+)@(?P<revision>[0-9a-f]{40})")

SILENCE_SECONDS = 30.0
"""A request without an answer for so long is repeated."""


class PinnedDataset:
    """A data set `owner/name` of the hub at a commit of 40 hex digits."""

    def __init__(self, repo: str, revision: str) -> None:
        limit_silence()
        self.repo, self.revision, self._api = repo, revision, HfApi()

    def check(self, where: str) -> None:
        """Check that the hub has the commit.

        Raises:
            SourceChanged: If the hub gives another commit under that name.
            SourceRefused: If the hub does not have the data set or the commit, or denies access.
        """
        call = partial(self._api.dataset_info, self.repo, revision=self.revision)
        check_commit(where, self.revision, call_server("asked for its commit", where, call).sha)

    def identify(self, name: str, where: str) -> SourceFile:
        """A file's size and digest as the hub states them now, in one request; `where` is its address for messages.

        Raises:
            SourceChanged: If the file is missing.
        """
        # Not through the file system: its cache would have to be emptied, and other threads read from it.
        call = partial(
            self._api.get_paths_info, self.repo, [name], revision=self.revision, repo_type="dataset", expand=False
        )
        found = [entry for entry in call_server("identified", where, call) if isinstance(entry, RepoFile)]
        if not found:
            raise SourceChanged(f"{where} is missing now, although its commit is pinned. Ask who removed it.")
        lfs = found[0].lfs
        if lfs:
            return SourceFile(name, found[0].size, "lfs-sha256", lfs.sha256)
        return SourceFile(name, found[0].size, "etag", found[0].blob_id)


class PinnedFile(HfFileSystemFile):
    """A file read by ranges; every response is checked against the pinned commit and the listed digest.

    huggingface_hub's own file waits without a bound for a rate limit, accepts a whole file for a range, and checks
    neither commit nor digest.
    """

    def _fetch_range(self, start: int, end: int) -> bytes:
        return call_server("read", f"hf://{self.path}", partial(self._range, start, end))

    def url(self) -> str:
        """Address of its content."""
        at: Any = self.resolved_path
        return hf_hub_url(
            at.repo_id, at.path_in_repo, repo_type=at.repo_type, revision=at.revision, endpoint=self.fs.endpoint
        )

    def _range(self, start: int, end: int) -> bytes:
        headers = build_hf_headers(token=self.fs.token) | {
            "Range": f"bytes={start}-{end - 1}",
            # A range of a compressed response would be other bytes.
            "Accept-Encoding": "identity",
        }
        with get_session().stream("GET", self.url(), headers=headers, timeout=SILENCE_SECONDS) as response:
            if response.is_error:
                response.read()
                hf_raise_for_status(response)
            self._check_file(response)
            if response.status_code != 206 and end - start != self.size:
                raise SourceUnreachable(
                    f"hf://{self.path} cannot be read by ranges: the server answers {response.status_code} to one. "
                    "Name a mirror in corpus.source."
                )
            content = response.read()
        if len(content) != end - start:
            raise httpx.RemoteProtocolError(f"{len(content)} bytes were sent, {end - start} were requested")
        return content

    def _check_file(self, response: httpx.Response) -> None:
        where = f"hf://{self.path}"
        lfs = self.details.get("lfs")
        for hop in (*response.history, response):
            at: Any = self.resolved_path
            check_commit(where, at.revision, hop.headers.get("X-Repo-Commit"))
            linked = hop.headers.get("X-Linked-ETag", "").removeprefix("W/").strip('"')
            if linked and lfs and linked != lfs.sha256:
                raise SourceChanged(
                    f"{where} has sha256 {linked[:12]} where it is read and {lfs.sha256[:12]} where it is listed, "
                    "although its commit is pinned; nothing is read. Ask who runs the server, or name a mirror."
                )


def check_commit(where: str, pinned: str, found: str | None) -> None:
    """Compare the commit a server names, if it names one, with the pinned one.

    Raises:
        SourceChanged: If they differ.
    """
    if found is not None and found != pinned:
        raise SourceChanged(
            f"{where} is pinned at {pinned}, the hub gives {found} under that name; nothing is read. "
            "Ask who changed it, or pin a commit you have checked in corpus.source."
        )


@cache
def limit_silence() -> None:
    """Limit how long this process waits for a response of the hub; listings have no limit otherwise."""
    set_client_factory(_client)


def _client() -> httpx.Client:
    client = default_client_factory()
    client.event_hooks = {**client.event_hooks, "request": [*client.event_hooks["request"], _limit]}
    return client


def _limit(request: httpx.Request) -> None:
    timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
    kinds = ("connect", "read", "write", "pool")
    request.extensions["timeout"] = {kind: timeouts.get(kind) or SILENCE_SECONDS for kind in kinds}
