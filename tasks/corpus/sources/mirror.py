"""A copy of FineWeb's layout, `data/CC-MAIN-YYYY-WW/*.parquet`, on the hub, on S3 or in a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.common.s3 import os_errors, storage_options
from tasks.corpus.filters.cutoff import Dump
from tasks.corpus.sources.reader import SourceFile, identify_local
from tasks.corpus.sources.remote import call_server

if TYPE_CHECKING:
    from tasks.corpus.sources.hub import PinnedDataset

T = TypeVar("T")


class Mirror:
    """FineWeb or a copy of it.

    Args:
        url: `hf://`, `s3://`, `file://` or a folder.

    Raises:
        SourceChanged: If the hub gives another commit under the pinned one.
        SourceRefused: If the hub denies access.
        SourceUnreachable: If the hub does not answer.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url, self._pinned = url, _pinned_dataset(url)
        self._filesystem, path = fsspec.core.url_to_fs(url, **storage_options(url))
        self._root = path.rstrip("/")

    def dumps(self) -> set[str]:
        """Names of its dumps, such as `CC-MAIN-2017-26`.

        Raises:
            SourceUnreachable: If the hub or the bucket does not answer.
        """
        try:
            listed: list[str] = self.call("listed", lambda: self._filesystem.ls(f"{self._root}/data", detail=False))
        except FileNotFoundError:
            return set()
        return {path.rstrip("/").rsplit("/", 1)[1] for path in listed}

    def files(self, dump: Dump) -> dict[str, int]:
        """A dump's parquet files in name order, with their sizes in bytes."""
        folder = f"{self._root}/data/{dump.folder}"
        listed: list[dict[str, Any]] = self.call("listed", lambda: self._filesystem.ls(folder, detail=True))
        return {
            entry["name"]: entry["size"]
            for entry in sorted(listed, key=lambda entry: str(entry["name"]))
            if str(entry["name"]).endswith(".parquet")
        }

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """A file's current size and digest: computed if it is local, else as the hub or the bucket states it."""
        name = path.removeprefix(self._root).lstrip("/")
        protocol = self._filesystem.protocol
        if "file" in ((protocol,) if isinstance(protocol, str) else protocol):
            return identify_local(Path(path), name, known)
        if self._pinned:
            return self._pinned.identify(name, f"{self.url}/{name}")
        self._filesystem.invalidate_cache()
        info: dict[str, Any] = self.call("identified", lambda: self._filesystem.info(path))
        return SourceFile(name, info["size"], "etag", str(info.get("ETag") or info.get("etag")).strip('"'))

    def stream(self, path: str) -> Any:
        """Open a file for reading."""
        if self._pinned:
            from tasks.corpus.sources.hub import READ_AHEAD_BYTES, PinnedFile

            return PinnedFile(self._filesystem, path, mode="rb", block_size=READ_AHEAD_BYTES)
        return self._filesystem.open(path, "rb")

    def call(self, what: str, call: Callable[[], T]) -> T:
        """Call the server with retries; errors as in `call_server`."""
        return call_server(what, self.url, os_errors()(call))


def _pinned_dataset(url: str) -> "PinnedDataset | None":
    if not url.startswith("hf://"):
        return None
    from tasks.corpus.sources.hub import HUB_ROOT, PinnedDataset

    if (root := HUB_ROOT.fullmatch(url)) is None:
        raise ValueError(f"{url!r} is not a data set at a commit")
    pinned = PinnedDataset(root["repo"], root["revision"])
    pinned.check(url)
    return pinned
