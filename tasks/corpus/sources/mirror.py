"""A copy of FineWeb's layout, `data/CC-MAIN-YYYY-WW/*.parquet`, on the hub, on S3 or in a folder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fsspec.spec import AbstractBufferedFile

from tasks.common.urls import Unanswered, open_filesystem, url_errors
from tasks.corpus.errors import SourceChanged, SourceUnreachable
from tasks.corpus.filters.cutoff import Dump
from tasks.corpus.sources.reader import SourceFile, identify_local
from tasks.corpus.sources.remote import call_server

if TYPE_CHECKING:
    from tasks.corpus.sources.hub import PinnedDataset

T = TypeVar("T")

READ_AHEAD_BYTES = 1 << 19
"""Fetched beyond a column: enough for the small columns after the text, and little of the next row group."""


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
        self.url, self._pinned = url, _pinned_dataset(url)
        self._filesystem, path = open_filesystem(url)
        self._root = path.rstrip("/")
        protocol = self._filesystem.protocol
        self._is_local = "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    def dumps(self) -> set[str]:
        """Names of its dumps, such as `CC-MAIN-2017-26`.

        Raises:
            SourceUnreachable: If the hub or the bucket does not answer.
        """
        list_dumps = partial(self._filesystem.ls, f"{self._root}/data", detail=False)
        try:
            listed: list[str] = call_server("listed", self.url, url_errors()(list_dumps))
        except FileNotFoundError:
            return set()
        return {path.rstrip("/").rsplit("/", 1)[1] for path in listed}

    def files(self, dump: Dump) -> dict[str, int]:
        """A dump's parquet files in name order, with their sizes in bytes."""
        folder = f"{self._root}/data/{dump.folder}"
        listed: list[dict[str, Any]] = self._call("listed", folder, lambda: self._filesystem.ls(folder, detail=True))
        return {
            entry["name"]: entry["size"]
            for entry in sorted(listed, key=lambda entry: str(entry["name"]))
            if str(entry["name"]).endswith(".parquet")
        }

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """A file's current size and digest: computed if it is local, else as the hub or the bucket states it."""
        name = path.removeprefix(self._root).lstrip("/")
        if self._is_local:
            return identify_local(Path(path), name, known)
        if self._pinned:
            return self._pinned.identify(name, f"{self.url}/{name}")
        self._filesystem.invalidate_cache()
        info: dict[str, Any] = self._call("identified", path, lambda: self._filesystem.info(path))
        return SourceFile(name, info["size"], "etag", str(info.get("ETag") or info.get("etag")).strip('"'))

    def open(self, path: str) -> Any:
        """Open a file for reading.

        Raises:
            SourceChanged: If it is missing.
            SourceRefused: If the server denies access.
            SourceUnreachable: If it does not answer.
        """
        if self._is_local:
            return self._call("opened", path, lambda: self._filesystem.open(path, "rb"))
        kind = MirrorFile
        if self._pinned:
            from tasks.corpus.sources.hub import PinnedFile

            kind = PinnedFile
        return self._call("opened", path, lambda: kind(self._filesystem, path, mode="rb", block_size=READ_AHEAD_BYTES))

    def _call(self, what: str, path: str, call: Callable[[], T]) -> T:
        return _call(what, self._filesystem.unstrip_protocol(path), call)


class MirrorFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file of a bucket, read by ranges.

    s3fs's own file gives its backend's errors as they are, takes a whole file for a range, and reads 50 MB ahead.
    """

    def _fetch_range(self, start: int, end: int) -> bytes:
        where = self.fs.unstrip_protocol(self.path)
        return _call("read", where, lambda: self._range(where, start, end))

    def _range(self, where: str, start: int, end: int) -> bytes:
        content: bytes = self.fs.cat_file(self.path, start=start, end=end)
        if len(content) > end - start:
            raise SourceUnreachable(
                f"{where} cannot be read by ranges: the server sends {len(content):,} bytes for one of "
                f"{end - start:,}. Name a mirror in corpus.source."
            )
        if len(content) < end - start:
            raise Unanswered(f"{len(content):,} bytes were sent, {end - start:,} were requested")
        return content


def _call(what: str, where: str, call: Callable[[], T]) -> T:
    """Call the server with retries; errors as in `call_server`, but a missing file is a change of the source."""
    try:
        return call_server(what, where, url_errors()(call))
    except FileNotFoundError as error:
        raise SourceChanged(f"{where} is missing now, although it was listed. Ask who removed it.") from error


def _pinned_dataset(url: str) -> "PinnedDataset | None":
    if not url.startswith("hf://"):
        return None
    from tasks.corpus.sources.hub import HUB_ROOT, PinnedDataset

    if (root := HUB_ROOT.fullmatch(url)) is None:
        raise ValueError(f"{url!r} is not a data set at a commit")
    pinned = PinnedDataset(root["repo"], root["revision"])
    pinned.check(url)
    return pinned
