"""A place with FineWeb's layout, `data/CC-MAIN-YYYY-WW/*.parquet`: the hub, S3 or a folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.corpus.filters.cutoff import Dump
from tasks.corpus.sources.reach import reach
from tasks.corpus.sources.reader import SourceFile
from tasks.corpus.write.source_manifest import identify_local

if TYPE_CHECKING:
    from tasks.corpus.sources.hub import PinnedDataset

T = TypeVar("T")


@dataclass(frozen=True)
class Mirror:
    """A place with FineWeb's layout.

    Args:
        url: As the recipe names it.
        filesystem: fsspec's.
        root: Path of the data set in it.
        pinned: The hub's, where it is on the hub.
    """

    url: str
    filesystem: Any
    root: str
    pinned: "PinnedDataset | None" = None

    @classmethod
    def open(cls, url: str) -> "Mirror":
        """Open `hf://`, `s3://`, `file://` or a folder.

        Raises:
            SourceChanged: If the hub gives another commit under the pinned one.
            SourceRefused: If the hub does not show it.
            SourceUnreachable: If the hub does not answer.
        """
        import fsspec

        pinned = _pinned(url)
        filesystem, path = fsspec.core.url_to_fs(url)
        return cls(url, filesystem, path.rstrip("/"), pinned)

    def dumps(self) -> set[str]:
        """Names of the dumps it has, as in `CC-MAIN-2017-26`.

        Raises:
            SourceUnreachable: If the hub or the bucket does not answer.
        """
        try:
            listed: list[str] = self.ask("listed", lambda: self.filesystem.ls(f"{self.root}/data", detail=False))
        except FileNotFoundError:
            return set()
        return {path.rstrip("/").rsplit("/", 1)[1] for path in listed}

    def files(self, dump: Dump) -> dict[str, int]:
        """A dump's parquet files in name order, with their sizes in bytes."""
        folder = f"{self.root}/data/{dump.folder}"
        listed: list[dict[str, Any]] = self.ask("listed", lambda: self.filesystem.ls(folder, detail=True))
        return {
            entry["name"]: entry["size"]
            for entry in sorted(listed, key=lambda entry: str(entry["name"]))
            if str(entry["name"]).endswith(".parquet")
        }

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """What a file is now: hashed here where it lies here, else as the hub or the bucket says."""
        name = path.removeprefix(self.root).lstrip("/")
        if "file" in self._protocols:
            return identify_local(Path(path), name, known)
        if self.pinned:
            return self.pinned.identify(name, f"{self.url}/{name}")
        self.filesystem.invalidate_cache()
        told: dict[str, Any] = self.ask("identified", lambda: self.filesystem.info(path))
        return SourceFile(name, told["size"], "etag", str(told.get("ETag") or told.get("etag")).strip('"'))

    def stream(self, path: str) -> Any:
        """A file, opened for reading."""
        if self.pinned:
            from tasks.corpus.sources.hub import READ_AHEAD_BYTES, PinnedFile

            return PinnedFile(self.filesystem, path, mode="rb", block_size=READ_AHEAD_BYTES)
        return self.filesystem.open(path, "rb")

    def ask(self, what: str, call: Callable[[], T]) -> T:
        """Call the place, waiting out rate limits and a network that is down for a while.

        Raises:
            SourceRefused: If it does not show what is asked for.
            SourceUnreachable: If it does not answer in the end.
        """
        return reach(what, self.url, call)

    @property
    def _protocols(self) -> tuple[str, ...]:
        protocol = self.filesystem.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _pinned(url: str) -> "PinnedDataset | None":
    if not url.startswith("hf://"):
        return None
    from tasks.corpus.sources.hub import HUB_ROOT, PinnedDataset

    if (root := HUB_ROOT.fullmatch(url)) is None:
        raise ValueError(f"{url!r} is no data set at a commit")
    pinned = PinnedDataset(root["repo"], root["revision"])
    pinned.check(url)
    return pinned
