"""Files of a pinned commit of the Hugging Face hub: listed, identified, and read by ranges."""

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
from tasks.corpus.sources.reach import reach
from tasks.corpus.sources.reader import SourceFile

HUB_ROOT = re.compile(r"hf://datasets/(?P<repo>[^@]+)@(?P<revision>[0-9a-f]{40})")

SILENCE_SECONDS = 30.0
"""A server that says nothing for so long is asked anew."""
READ_AHEAD_BYTES = 1 << 19
"""Fetched beyond a column: the small ones that follow the text come with it, and of the next row group little."""


class PinnedDataset:
    """A data set of the hub at one commit.

    Args:
        repo: `owner/name`.
        revision: The commit, 40 hex digits.
    """

    def __init__(self, repo: str, revision: str) -> None:
        bound_silence()
        self.repo, self.revision, self._api = repo, revision, HfApi()

    def check(self, where: str) -> None:
        """Ask whether the hub has the commit.

        Raises:
            SourceChanged: If it gives another commit under that name.
            SourceRefused: If it does not know the data set or the commit, or not the requested_by.
        """
        ask = partial(self._api.dataset_info, self.repo, revision=self.revision)
        refuse_another_commit(where, self.revision, reach("asked for its commit", where, ask).sha)

    def identify(self, name: str, where: str) -> SourceFile:
        """What the hub says a file is: past its cache, in one request.

        Args:
            name: Path in the repository.
            where: Its address.

        Raises:
            SourceChanged: If it is not there.
        """
        # Not through the file system: to pass its cache it has to be emptied, which other threads read from.
        ask = partial(
            self._api.get_paths_info, self.repo, [name], revision=self.revision, repo_type="dataset", expand=False
        )
        found = [entry for entry in reach("identified", where, ask) if isinstance(entry, RepoFile)]
        if not found:
            raise SourceChanged(f"{where} was there and is there no more, though its commit is pinned. Ask who did it.")
        lfs = found[0].lfs
        if lfs:
            return SourceFile(name, found[0].size, "lfs-sha256", lfs.sha256)
        return SourceFile(name, found[0].size, "etag", found[0].blob_id)


class PinnedFile(HfFileSystemFile):
    """A file read by ranges, every answer held against the pinned commit and the listed digest.

    huggingface_hub's own way waits without a bound where a limit asks for it, takes a whole file for a range, and looks
    at neither commit nor digest.
    """

    def _fetch_range(self, start: int, end: int) -> bytes:
        return reach("read", f"hf://{self.path}", partial(self._range, start, end))

    def url(self) -> str:
        """Where its bytes are."""
        at: Any = self.resolved_path
        return hf_hub_url(
            at.repo_id, at.path_in_repo, repo_type=at.repo_type, revision=at.revision, endpoint=self.fs.endpoint
        )

    def _range(self, start: int, end: int) -> bytes:
        headers = build_hf_headers(token=self.fs.token) | {
            "Range": f"bytes={start}-{end - 1}",
            # A compressed answer would be a range of something else.
            "Accept-Encoding": "identity",
        }
        with get_session().stream("GET", self.url(), headers=headers, timeout=SILENCE_SECONDS) as response:
            if response.is_error:
                response.read()
                hf_raise_for_status(response)
            self._refuse_another_file(response)
            if response.status_code != 206 and end - start != self.size:
                raise SourceUnreachable(
                    f"hf://{self.path} cannot be read by ranges: the server answers {response.status_code} to one. "
                    "Name a mirror in corpus.source.root."
                )
            content = response.read()
        if len(content) != end - start:
            raise httpx.RemoteProtocolError(f"{len(content)} bytes came where {end - start} were asked for")
        return content

    def _refuse_another_file(self, response: httpx.Response) -> None:
        where = f"hf://{self.path}"
        lfs = self.details.get("lfs")
        for hop in (*response.history, response):
            at: Any = self.resolved_path
            refuse_another_commit(where, at.revision, hop.headers.get("X-Repo-Commit"))
            linked = hop.headers.get("X-Linked-ETag", "").removeprefix("W/").strip('"')
            if linked and lfs and linked != lfs.sha256:
                raise SourceChanged(
                    f"{where} has sha256 {linked[:12]} where it is read and {lfs.sha256[:12]} where it is listed, "
                    "though its commit is pinned; nothing is read. Ask who runs the server, or name a mirror."
                )


def refuse_another_commit(where: str, pinned: str, found: str | None) -> None:
    """Hold the commit a server names, if it names one, against the pinned one.

    Raises:
        SourceChanged: If it is another.
    """
    if found is not None and found != pinned:
        raise SourceChanged(
            f"{where} is pinned at {pinned}, the hub gives {found} under that name; nothing is read. "
            "Ask who changed it, or pin what you have looked at in corpus.source.root."
        )


@cache
def bound_silence() -> None:
    """Bound how long this process waits for the hub; listing is without a bound otherwise."""
    set_client_factory(_client)


def _client() -> httpx.Client:
    client = default_client_factory()
    client.event_hooks = {**client.event_hooks, "request": [*client.event_hooks["request"], _bound]}
    return client


def _bound(request: httpx.Request) -> None:
    asked: dict[str, float | None] = request.extensions.get("timeout", {})
    kinds = ("connect", "read", "write", "pool")
    request.extensions["timeout"] = {kind: asked.get(kind) or SILENCE_SECONDS for kind in kinds}
