"""The files of a data set: the protocol both kinds implement, and local files."""

import difflib
import hashlib
import logging
import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from tasks.common.dataset_files import TABULAR, FileFormat, file_format, known_formats
from tasks.corpus.config import DatasetSource
from tasks.corpus.errors import SourceChanged, SourceUnreachable, UnknownFormat
from tasks.corpus.sources.reader import SourceFile, identify_local
from tasks.store.digests import sha256_of_file

log = logging.getLogger(__name__)


class DatasetFiles(Protocol):
    """A data set's files; `path` is a file as `paths` gives it."""

    def paths(self) -> Sequence[str]:
        """All files, the same in every process."""
        ...

    def check(self) -> None:
        """Compare them with what the recipe pins."""
        ...

    def format(self, path: str) -> FileFormat:
        """How it is read."""
        ...

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """As `Reader.identify`."""
        ...

    def fetch(self, path: str, folder: Path) -> Path:
        """The file on this machine; in `folder`, if it must be fetched first."""
        ...


class LocalFiles:
    """A file, a folder's files, or the files a pattern matches."""

    def __init__(self, source: DatasetSource) -> None:
        self.source, self._root = source, Path(source.path).expanduser().resolve()

    def paths(self) -> Sequence[str]:
        """All files in name order.

        Raises:
            SourceUnreachable: If there is none.
        """
        return [str(file) for file in self._files]

    def check(self) -> None:
        """Compare their sha256 with the recipe's, if it has one.

        Raises:
            SourceChanged: If it differs.
        """
        if self.source.sha256 is None:
            return
        digests = {name: sha256_of_file(Path(path)) for path, name in self._names.items()}
        found = next(iter(digests.values()))
        if not self._root.is_file():
            listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
            found = hashlib.sha256(listing.encode()).hexdigest()
        if found != self.source.sha256:
            raise SourceChanged(
                f"{self._root} has sha256 {found}, the recipe asks for {self.source.sha256}; "
                "fetch it again or change corpus.source.sha256."
            )

    def format(self, path: str) -> FileFormat:
        """The recipe's format, or its extension's.

        Raises:
            UnknownFormat: If neither is known to `datasets`.
        """
        found = format_of(Path(path).name, self.source.format)
        if found is None:
            raise UnknownFormat(
                f"{path} has no extension that datasets knows; name its format in corpus.source.format, such as json."
            )
        return found

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """Size and sha256."""
        return identify_local(Path(path), self._names[path], known)

    def fetch(self, path: str, folder: Path) -> Path:
        """The file itself."""
        return Path(path)

    @cached_property
    def _names(self) -> dict[str, str]:
        return names_below(self.paths())

    @cached_property
    def _files(self) -> list[Path]:
        if self._root.is_dir():
            files = self._of_folder()
        else:
            found = [self._root] if self._root.is_file() else _matching(self._root)
            files = sorted(file for file in found if file.is_file())
        if not files:
            raise SourceUnreachable(
                f"{self._root} is not a file, not a folder with {self._wanted} files, and not a pattern that matches "
                "one; correct corpus.source.path."
            )
        return files

    @property
    def _wanted(self) -> str:
        return self.source.format or ", ".join(TABULAR)

    def _of_folder(self) -> list[Path]:
        """The folder's files of one format."""
        wanted = (self.source.format,) if self.source.format else TABULAR
        by_module: dict[str, list[Path]] = {}
        for file in sorted(self._root.iterdir()):
            found = format_of(file.name) if file.is_file() and not file.name.startswith(".") else None
            by_module.setdefault(found.module if found and found.module in wanted else "", []).append(file)
        if left_out := by_module.pop("", []):
            log.info("corpus: not %s, left out: %s", self._wanted, ", ".join(file.name for file in left_out))
        if len(by_module) > 1:
            examples = " and ".join(f"{module} ({files[0].name})" for module, files in by_module.items())
            raise UnknownFormat(
                f"{self._root} holds files of several formats: {examples}. Name one in corpus.source.format, or give a "
                "pattern in corpus.source.path."
            )
        return next(iter(by_module.values()), [])


def _matching(pattern: Path) -> Iterable[Path]:
    return Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))


def names_below(paths: Sequence[str]) -> dict[str, str]:
    """Names of paths below the deepest folder that holds all of them: the same for a copy in another place."""
    folder = os.path.commonpath([PurePosixPath(path).parent for path in paths])
    return {path: str(PurePosixPath(path).relative_to(folder)) for path in paths}


def format_of(name: str, module: str | None = None) -> FileFormat | None:
    """The format of a file name by `datasets`' own table of extensions; None if it has none.

    Args:
        name: Such as `a.jsonl.gz`.
        module: A format that is given, whatever the extension.

    Raises:
        UnknownFormat: If `datasets` has no such module.
    """
    known = known_formats()
    if module is not None and module not in known:
        # datasets would look for a data set of that name on the hub.
        near = difflib.get_close_matches(module, known, n=3) or TABULAR
        raise UnknownFormat(
            f"corpus.source.format={module!r} is not a format of datasets; the nearest are {', '.join(near)}."
        )
    return file_format(name, module)
