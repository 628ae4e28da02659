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

from tasks.corpus.errors import DamagedSource, SourceChanged, SourceUnreachable
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.sources.order import seeded
from tasks.corpus.sources.reader import Share, SourceFile
from tasks.corpus.sources.source_config import JsonlSource
from tasks.corpus.workers.work_items import Place, Unit, base_name
from tasks.corpus.write.source_manifest import identify_local

UNIT_LINES = 256
FIELDS = ("id", "date", "text")


class JsonlReader:
    """One stratum of a file, or of a folder's files.

    Args:
        source: The path, and the digest it must have.
        seed: Of the order of files and of batches in a file.
        scratch: Gzipped files are unpacked here once, for nobody can start in the middle of one.
    """

    def __init__(self, source: JsonlSource, seed: int, scratch: Path) -> None:
        self.source, self.seed, self.scratch = source, seed, scratch
        self.root = Path(source.path).expanduser().resolve()

    def shares(self) -> list[Share]:
        """One stratum.

        Raises:
            SourceUnreachable: If there is no such file, or none in the folder.
            SourceChanged: If it has another digest than the recipe asks for.
        """
        files = _files(self.root)
        if self.source.sha256:
            self._check_digest(files)
        return [Share("jsonl", seeded(map(str, files), base_name, self.seed))]

    def places(self, path: str) -> Sequence[Place]:
        """Batches of lines, found by reading the file once."""
        batches: list[Place] = []
        start, n_lines = 0, 0
        with self._plain(path).open("rb") as file:
            while file.readline():
                n_lines += 1
                if n_lines == UNIT_LINES:
                    batches.append(Place(len(batches), start, n_lines))
                    start, n_lines = file.tell(), 0
        if n_lines:
            batches.append(Place(len(batches), start, n_lines))
        return seeded(batches, lambda place: f"{base_name(path)}:{place.ordinal}", self.seed)

    def rows(self, unit: Unit) -> Iterator[RawDocument]:
        """A batch's documents.

        Raises:
            DamagedSource: If a line is no JSON object, or lacks a field, or if there are fewer lines than were counted.
        """
        first = unit.place.ordinal * UNIT_LINES
        with self._plain(unit.path).open("rb") as file:
            file.seek(unit.place.start)
            for line_number in range(first + 1, first + unit.place.n_rows + 1):
                line = file.readline()
                if not line:
                    raise DamagedSource(
                        f"{unit.path} ends before line {line_number}, and had {first + unit.place.n_rows} or more when "
                        "they were counted. Put the old file back, or remove the work folder and start again."
                    )
                if line.strip():
                    yield _document(line, f"{unit.path}, line {line_number},")

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """The file's size and digest; gzipped, as it lies there."""
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

    def _plain(self, path: str) -> Path:
        if not path.endswith(".gz"):
            return Path(path)
        plain = self.scratch / f"{base_name(path)}.{hashlib.sha256(path.encode()).hexdigest()[:12]}.jsonl"
        if not plain.exists():
            _unpack(Path(path), plain)
        return plain


def _files(root: Path) -> list[Path]:
    files = [root] if root.is_file() else sorted([*root.glob("*.jsonl"), *root.glob("*.jsonl.gz")])
    if not files:
        raise SourceUnreachable(
            f"{root} is no file, and no folder with *.jsonl or *.jsonl.gz; correct corpus.source.path."
        )
    return files


def _unpack(path: Path, plain: Path) -> None:
    plain.parent.mkdir(parents=True, exist_ok=True)
    # Threads of one process may unpack the same file at once.
    unfinished = plain.with_name(f"{plain.name}.{uuid4().hex}")
    try:
        with gzip.open(path, "rb") as packed, unfinished.open("wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
        unfinished.replace(plain)
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedSource(f"{path} cannot be unpacked: {error}. Fetch the file again, or leave it out.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _document(line: bytes, where: str) -> RawDocument:
    try:
        fields: Any = json.loads(line)
    except ValueError as error:
        raise DamagedSource(f"{where} is no JSON: {error}. Correct the line, or leave it out.") from error
    missing = [name for name in FIELDS if not isinstance(fields, dict) or not isinstance(fields.get(name), str)]
    if missing:
        raise DamagedSource(f"{where} has no {missing[0]!r} that is a string; id, date and text are needed.")
    return RawDocument(id=fields["id"], date=fields["date"], text=fields["text"])
