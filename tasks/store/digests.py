"""Digests: of bytes, of files, of JSON and of a whole artifact."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from pydantic import JsonValue

CHUNK_BYTES = 8 << 20


def sha256_of_stream(stream: BinaryIO) -> str:
    """Hash a binary stream to its end in bounded memory."""
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hash a local file in bounded memory."""
    with path.open("rb") as stream:
        return sha256_of_stream(stream)


def canonical_json(value: JsonValue) -> bytes:
    """One spelling per value: sorted keys, no spaces, UTF-8; NaN is refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256_of_json(value: JsonValue) -> str:
    """Hash a JSON value by its canonical spelling."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def artifact_digest(files: Iterable[tuple[str, str]]) -> str:
    """Digest of an artifact's content: its (path, sha256) pairs in path order. Seconds and versions are not in it."""
    return sha256_of_json([[path, sha256] for path, sha256 in sorted(files)])
