"""A piece: one unit's documents, clipped and tokenized, in a file of its own until the assembler has drawn them."""

import json
import os
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from tasks.corpus.filters.clip import Ledger
from tasks.schemas.artifacts import Document

HEADER = "header.json"


@dataclass(frozen=True)
class Part:
    """Some documents of a unit; its arrays are small enough to hold one of every dump.

    Args:
        names: (n_documents,) their ids in the source.
        lines: The documents as UTF-8 lines of JSON, end to end.
        line_ends: (n_documents,) bytes up to and with each line.
        ids: (n_tokens,) uint32 ids, end to end.
        id_ends: (n_documents,) ids up to and with each document's.
        days: (n_documents,) ordinals of their dates.
        unsure: (n_documents,) whether the ids are left to transformers' tokenizer; such a document has none here.
        found: What the scan found, by document.
        signatures: (n_documents, n_bands) for near-duplicates, or None.
    """

    names: Sequence[str]
    lines: bytes
    line_ends: np.ndarray
    ids: np.ndarray
    id_ends: np.ndarray
    days: np.ndarray
    unsure: np.ndarray
    found: dict[int, list[str]] = field(default_factory=dict)
    signatures: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.line_ends)


@dataclass(frozen=True)
class Summary:
    """What is known of a unit as a whole.

    Args:
        ledger: What became of its documents in the clip.
        n_parts: Parts in the file.
        n_tokens: In all of them.
        corrupt: Why its file cannot be read, where that is only counted.
    """

    ledger: Ledger
    n_parts: int
    n_tokens: int
    corrupt: str = ""


class PieceWriter:
    """Writes a piece part by part; it is there as a whole or not at all."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED)
        self.n_parts = self.n_tokens = 0

    def add(self, part: Part) -> None:
        """Write a part."""
        arrays = {name: getattr(part, name) for name in ("line_ends", "ids", "id_ends", "days", "unsure")}
        if part.signatures is not None:
            arrays["signatures"] = part.signatures
        for name, content in arrays.items():
            with self._archive.open(f"{self.n_parts}/{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, content, allow_pickle=False)
        self._archive.writestr(f"{self.n_parts}/lines.jsonl", part.lines)
        self._archive.writestr(f"{self.n_parts}/found.json", json.dumps([part.names, part.found]))
        self.n_parts += 1
        self.n_tokens += len(part.ids)

    def abandon(self) -> None:
        """End a piece that cannot be finished; what was written of it is worth nothing."""
        # Else the archive would write its directory into the stream when it is collected.
        self._archive.close()

    def close(self, ledger: Ledger, corrupt: str = "") -> None:
        """Write what is known of the whole."""
        header = {
            "n_read": ledger.n_read,
            "dropped": ledger.dropped,
            "days": [day and day.toordinal() for day in (ledger.first_day, ledger.last_day)],
            "n_parts": self.n_parts,
            "n_tokens": self.n_tokens,
            "corrupt": corrupt,
        }
        self._archive.writestr(HEADER, json.dumps(header))
        self._archive.close()


class Piece:
    """A piece that is read again. A damaged one is noticed by the archive's checksums.

    Args:
        file: Where it lies.

    Raises:
        zipfile.BadZipFile: If it is damaged.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._archive = zipfile.ZipFile(file)
        try:
            header = json.loads(self._archive.read(HEADER))
        except BaseException:
            self._archive.close()
            raise
        first, last = (day and date.fromordinal(day) for day in header["days"])
        ledger = Ledger(header["n_read"], Counter(header["dropped"]), first, last)
        self.summary = Summary(ledger, header["n_parts"], header["n_tokens"], header["corrupt"])

    def parts(self) -> Iterator[Part]:
        """Its parts, read one at a time; past the last one the file is closed."""
        names = set(self._archive.namelist())
        for number in range(self.summary.n_parts):
            document_ids, found = json.loads(self._archive.read(f"{number}/found.json"))
            signed = f"{number}/signatures.npy" in names
            yield Part(
                names=document_ids,
                lines=self._archive.read(f"{number}/lines.jsonl"),
                **{name: self._array(number, name) for name in ("line_ends", "ids", "id_ends", "days", "unsure")},
                found={int(place): what for place, what in found.items()},
                signatures=self._array(number, "signatures") if signed else None,
            )
        self.close()

    def close(self) -> None:
        """Close its file, which stays."""
        self._archive.close()

    def _array(self, number: int, name: str) -> Any:
        content = self._archive.read(f"{number}/{name}.npy")
        return np.lib.format.read_array(BytesIO(content), allow_pickle=False)


def store_piece(file: Path, content: bytes) -> None:
    """Write a piece that came as bytes from another machine."""
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(file)


def part_of(
    documents: Sequence[Document],
    ids: Sequence[np.ndarray | None],
    found: dict[int, list[str]],
    signatures: np.ndarray | None,
) -> Part:
    """Put documents end to end.

    Args:
        documents: Clipped.
        ids: Their ids; None where the engine was not sure.
        found: What the scan found, by document.
        signatures: One row each, or None.
    """
    lines = [f"{document.model_dump_json()}\n".encode() for document in documents]
    none = np.empty(0, np.uint32)
    known = [none if own is None else own for own in ids]
    return Part(
        names=[document.id for document in documents],
        lines=b"".join(lines),
        line_ends=np.cumsum([len(line) for line in lines], dtype=np.int64),
        ids=np.concatenate([none, *known]),
        id_ends=np.cumsum([len(own) for own in known], dtype=np.int64),
        days=np.array([document.date.toordinal() for document in documents], np.int32),
        unsure=np.array([own is None for own in ids], bool),
        found=found,
        signatures=signatures,
    )
