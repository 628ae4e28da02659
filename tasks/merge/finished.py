"""Records of finished weight files in the work directory, from which an interrupted merge resumes."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from tasks.common.fsync import write_durably
from tasks.merge.stream import MergedTensor, safetensors_header
from tasks.store.digests import sha256_of_file, sha256_of_json

SUFFIX = ".finished.json"
"""A record's name is its file's name with this suffix."""


@dataclass(frozen=True)
class FinishedFile:
    """A weight file that is completely on the disk.

    Args:
        identity: Digest of everything that decides its bytes.
        sha256: Of the file.
        n_bytes: Of the file.
        n_read: Bytes read to make it.
        counts: Operations on its tensors, by name.
    """

    identity: str
    sha256: str
    n_bytes: int
    n_read: int
    counts: dict[str, int] = field(default_factory=dict)


def file_identity(name: str, tensors: Sequence[MergedTensor], inputs_identity: str) -> str:
    """Digest of what decides a file's bytes: its tensors, their byte ranges, and size and time of the input files."""
    files = sorted({chunk.file for tensor in tensors for chunk in tensor.source.chunks})
    stats = [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
    sources = sha256("\n".join(repr(tensor.source) for tensor in tensors).encode()).hexdigest()
    return sha256_of_json([name, sha256(safetensors_header(tensors)).hexdigest(), sources, inputs_identity, *stats])


def record_finished(finished: FinishedFile, file: Path) -> None:
    """Write a file's record; the file must be synced before."""
    write_durably(file.with_name(file.name + SUFFIX), json.dumps(asdict(finished)))


def find_finished(file: Path, identity: str) -> FinishedFile | None:
    """Return an earlier start's record if the file still matches it; else remove both."""
    record = file.with_name(file.name + SUFFIX)
    try:
        found = FinishedFile(**json.loads(record.read_text()))
        # The size comes first, so that a truncated file is not hashed.
        if found.identity == identity and file.stat().st_size == found.n_bytes and sha256_of_file(file) == found.sha256:
            return found
    except (OSError, ValueError, TypeError):
        # The record is missing or truncated.
        pass
    record.unlink(missing_ok=True)
    file.unlink(missing_ok=True)
    return None
