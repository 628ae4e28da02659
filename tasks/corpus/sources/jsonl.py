"""Dated documents as lines of JSON, plain or gzipped: batches of lines in seeded order."""

import gzip
import hashlib
import json
import shutil
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from tasks.corpus.config import JsonlSource
from tasks.corpus.errors import DamagedSource, SourceChanged, SourceUnreachable
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.sources.reader import (
    RowGroup,
    SourceFile,
    SourceGroup,
    base_name,
    identify_local,
    seeded_order,
    seeded_row_groups,
)

ROW_GROUP_LINES = 256
FIELDS = ("id", "date", "text")


class JsonlReader:
    """One group: a file, or a folder's files.

    Args:
        source: The path, and the digest it must have.
        seed: Of the order of files, and of batches in a file.
        scratch_dir: Gzipped files are unpacked here once, because they cannot be read from the middle.
    """

    def __init__(self, source: JsonlSource, seed: int, scratch_dir: Path) -> None:
        self.source, self.seed, self.scratch_dir = source, seed, scratch_dir
        self.root = Path(source.path).expanduser().resolve()

    def groups(self) -> list[SourceGroup]:
        """One group.

        Raises:
            SourceUnreachable: If the file is missing, or the folder has none.
            SourceChanged: If it has another digest than the recipe asks for.
        """
        files = _files(self.root)
        if self.source.sha256:
            self._check_digest(files)
        return [SourceGroup("jsonl", seeded_order(map(str, files), base_name, self.seed))]

    def row_groups(self, path: str) -> Sequence[RowGroup]:
        """Batches of lines, found by reading the file once."""
        batches: list[RowGroup] = []
        start, n_lines = 0, 0
        with self._unpacked(path).open("rb") as file:
            while file.readline():
                n_lines += 1
                if n_lines == ROW_GROUP_LINES:
                    batches.append(RowGroup(len(batches), start, n_lines))
                    start, n_lines = file.tell(), 0
        if n_lines:
            batches.append(RowGroup(len(batches), start, n_lines))
        return seeded_row_groups(batches, path, self.seed)

    def documents(self, path: str, row_group: RowGroup) -> Iterator[RawDocument]:
        """A batch's documents.

        Raises:
            DamagedSource: If a line is not a JSON object, lacks a field, or is missing since the lines were counted.
        """
        first = row_group.ordinal * ROW_GROUP_LINES
        last = first + row_group.n_rows
        with self._unpacked(path).open("rb") as file:
            file.seek(row_group.start)
            for line_number in range(first + 1, last + 1):
                line = file.readline()
                if not line:
                    raise DamagedSource(
                        f"{path} ends before line {line_number}, and had {last} or more when its lines were counted. "
                        "Put the old file back, or remove the work folder and start the run again."
                    )
                if line.strip():
                    yield _document(line, f"{path}, line {line_number},")

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """The file's size and digest; of a gzipped file, in its packed form."""
        return identify_local(Path(path), base_name(path), known)

    def _check_digest(self, files: Sequence[Path]) -> None:
        digests = {file.name: identify_local(file, file.name).digest for file in files}
        found = next(iter(digests.values()))
        if self.root.is_dir():
            listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
            found = hashlib.sha256(listing.encode()).hexdigest()
        if found != self.source.sha256:
            raise SourceChanged(
                f"{self.root} has sha256 {found}, the recipe asks for {self.source.sha256}; "
                "fetch it again or change corpus.source.sha256."
            )

    def _unpacked(self, path: str) -> Path:
        if not path.endswith(".gz"):
            return Path(path)
        unpacked = self.scratch_dir / f"{base_name(path)}.{hashlib.sha256(path.encode()).hexdigest()[:12]}.jsonl"
        if not unpacked.exists():
            _unpack(Path(path), unpacked)
        return unpacked


def _files(root: Path) -> list[Path]:
    files = [root] if root.is_file() else sorted([*root.glob("*.jsonl"), *root.glob("*.jsonl.gz")])
    if not files:
        raise SourceUnreachable(
            f"{root} is not a file, and not a folder with *.jsonl or *.jsonl.gz; correct corpus.source.path."
        )
    return files


def _unpack(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Threads of one process may unpack the same file at once.
    unfinished = target.with_name(f"{target.name}.{uuid4().hex}")
    try:
        with gzip.open(path, "rb") as packed, unfinished.open("wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
        unfinished.replace(target)
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedSource(f"{path} cannot be unpacked: {error}. Fetch the file again, or leave it out.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _document(line: bytes, where: str) -> RawDocument:
    try:
        fields: Any = json.loads(line)
    except ValueError as error:
        raise DamagedSource(f"{where} is not JSON: {error}. Correct the line, or leave it out.") from error
    missing = [name for name in FIELDS if not isinstance(fields, dict) or not isinstance(fields.get(name), str)]
    if missing:
        raise DamagedSource(f"{where} has no {missing[0]!r} that is a string; id, date and text are needed.")
    return RawDocument(id=fields["id"], date=fields["date"], text=fields["text"])
