"""SHA-256 digests: of streams, files, ranges of files, JSON values and whole artifacts."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from pydantic import JsonValue

BUFFER_BYTES = 256 << 10
"""Read, hashed and written at a time. It stays in the processor's cache between the three; with 1 MiB each buffer would
be fresh pages from the system, which doubled a download's time in the kernel."""


def sha256_of_stream(stream: BinaryIO) -> str:
    """Hash a binary stream to its end in bounded memory."""
    digest = hashlib.sha256()
    while buffer := stream.read(BUFFER_BYTES):
        digest.update(buffer)
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hash a local file in bounded memory."""
    with path.open("rb") as stream:
        return sha256_of_stream(stream)


def sha256_of_range(path: Path, start: int, size: int) -> str:
    """Hash `size` bytes of a local file from `start` on, in bounded memory."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        stream.seek(start)
        while size > 0 and (buffer := stream.read(min(size, BUFFER_BYTES))):
            digest.update(buffer)
            size -= len(buffer)
    return digest.hexdigest()


def canonical_json(value: JsonValue) -> bytes:
    """One spelling per value: sorted keys, no spaces, UTF-8; NaN raises ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256_of_json(value: JsonValue) -> str:
    """Hash a JSON value by its canonical spelling."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def artifact_digest(files: Iterable[tuple[str, str]]) -> str:
    """Digest of an artifact's content: its (path, sha256) pairs in path order. Seconds and versions are not in it."""
    return sha256_of_json([[path, sha256] for path, sha256 in sorted(files)])
