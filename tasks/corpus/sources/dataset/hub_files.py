"""The files of a split of a hub data set at its pinned commit, each fetched whole and compared with its digest."""

from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import HfFileSystem

from tasks.common.dataset_files import FileFormat
from tasks.corpus.config import DatasetSource
from tasks.corpus.errors import SourceChanged, SourceRefused
from tasks.corpus.sources.dataset.files import format_of
from tasks.corpus.sources.hub import HUB_ROOT, PinnedDataset, PinnedFile
from tasks.corpus.sources.reader import SourceFile, base_name
from tasks.corpus.sources.remote import call_server

FETCH_BYTES = 1 << 24
"""One request each."""
SET_HERE = {"name", "version", "data_dir", "data_files", "description", "features", "storage_options"}
"""Options of `datasets` that a data set's card does not decide, or whose effect is checked where rows are read."""


class HubFiles:
    """A data set's files on the hub.

    Raises:
        SourceChanged: If the hub gives another commit under the pinned one.
        SourceRefused: If the hub denies access, or has no such data set or commit.
        SourceUnreachable: If the hub does not answer.
    """

    def __init__(self, source: DatasetSource) -> None:
        root = HUB_ROOT.fullmatch(source.path)
        if root is None:
            raise ValueError(f"{source.path!r} is not a data set at a commit")
        self.source, self._repo, self._revision = source, root["repo"], root["revision"]
        self._pinned = PinnedDataset(self._repo, self._revision)
        self._pinned.check(source.path)

    def paths(self) -> Sequence[str]:
        """The split's files, as the data set's card or the names of its files say.

        Raises:
            SourceRefused: If the subset or split is unknown, or has files outside of the commit.
        """
        splits: dict[str, list[str]] = self._builder.config.data_files or {}
        if self.source.split not in splits:
            raise SourceRefused(
                f"{self.source.path} has no split {self.source.split!r}; it has {', '.join(splits)}. "
                "Correct corpus.source.split."
            )
        paths = [str(path) for path in splits[self.source.split]]
        if outside := [path for path in paths if not path.startswith(f"{self.source.path}/")]:
            raise SourceRefused(
                f"{self.source.path} names a file outside of its pinned commit: {outside[0]}. "
                "Fetch what it needs and give the files in corpus.source.path."
            )
        return paths

    def check(self) -> None:
        """Nothing more: the commit was checked when this was opened, and a file's digest is when it is fetched."""

    def format(self, path: str) -> FileFormat:
        """The recipe's format, or what the data set's card or its files' extensions say.

        Raises:
            SourceRefused: If the card sets options of lines of JSON.
        """
        builder = self._builder
        # A builder has one format for all subsets; the file's own is right where they differ.
        found = format_of(base_name(path), self.source.format) or FileFormat(builder.name)
        if found.module != builder.name:
            return found
        options = {**found.options, **_changed(builder.config)}
        if found.module == "json" and options:
            raise SourceRefused(
                f"{self.source.path} sets {', '.join(sorted(options))} for its JSON, which is read as a document per "
                "line. Fetch the files, rewrite them, and give them in corpus.source.path."
            )
        return FileFormat(found.module, options)

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """Size and digest as the hub states them now."""
        return self._pinned.identify(path.removeprefix(f"{self.source.path}/"), path)

    def fetch(self, path: str, folder: Path) -> Path:
        """Fetch a file whole.

        Raises:
            SourceChanged: If it has another sha256 than the hub states for it.
        """
        file = folder / base_name(path)
        open_file = partial(PinnedFile, HfFileSystem(), path.removeprefix("hf://"), mode="rb")
        stream: Any = call_server("read", path, open_file)
        digest = sha256()
        with stream, file.open("wb") as out:
            while block := stream.read(FETCH_BYTES):
                digest.update(block)
                out.write(block)
        lfs = stream.details.get("lfs")
        if lfs and lfs.sha256 != digest.hexdigest():
            raise SourceChanged(
                f"{path} was received with sha256 {digest.hexdigest()[:12]}, the hub states {lfs.sha256[:12]}. "
                "Start the run again; if it stays so, ask who runs the server, or give a copy in corpus.source.path."
            )
        return file

    @cached_property
    def _builder(self) -> Any:
        """What `datasets` makes of the repository: it lists files and reads the card; code in it is never run."""
        import datasets

        datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
        with TemporaryDirectory() as cache:
            load = partial(
                datasets.load_dataset_builder,
                # Without hf://, a folder of that name in the working directory would be read instead.
                f"hf://datasets/{self._repo}",
                name=self.source.config_name,
                revision=self._revision,
                cache_dir=cache,
            )
            try:
                return call_server("listed", self.source.path, load)
            except (ValueError, RuntimeError, FileNotFoundError) as error:
                why = " ".join(str(error).split())[:300].rstrip(".")
                raise SourceRefused(
                    f"{self.source.path} cannot be listed by datasets: {why}. Correct path or config_name of "
                    "corpus.source, or fetch the files and give them there."
                ) from error


def _changed(config: Any) -> dict[str, Any]:
    """Options of a module that the data set's card sets."""
    values = {field.name: (getattr(config, field.name), field.default) for field in fields(config)}
    return {name: value for name, (value, default) in values.items() if name not in SET_HERE and value != default}
