"""A downloaded or given file as plain CSV: zip and gzip opened within bounds, and never by the names inside."""

import errno
import gzip
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from tasks.panel.errors import UnsafeArchive
from tasks.panel.kaggle.config import FILE_NAME
from tasks.panel.sources.bad_values import GZIP_MAGIC

ZIP_MAGIC = b"PK\x03\x04"
MAX_BYTES = 2 << 30
"""The published file has about an eighth of it."""
MAX_RATIO = 100
"""Prices as text pack to a fifth or a tenth; nothing but a bomb packs to a hundredth."""
PIECE_BYTES = 1 << 20
DAMAGED = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    RuntimeError,
    NotImplementedError,
)
"""What the archives' readers raise."""


def write_plain(packed: Path, plain: Path, name: str) -> None:
    """Write a file's CSV.

    Args:
        packed: CSV, gzipped CSV, or a zip archive that holds one `stock_prices.csv`.
        plain: Where to. It is the only file that is written, whatever an archive's members are called.
        name: What messages call the file.

    Raises:
        UnsafeArchive: If an archive is damaged, holds no such file, a link or a path that leaves its folder, or unpacks
            to more than MAX_BYTES or MAX_RATIO times its size.
    """
    try:
        with _opened(packed, name) as source, plain.open("wb") as target:
            _copy(source, target, packed.stat().st_size, name)
    except DAMAGED as error:
        raise _damaged(name, error) from error
    except OSError as error:
        # A directory whose offsets lie before the file's first byte; or bzip2's data, which has no number.
        if error.errno not in (errno.EINVAL, None):
            raise
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> UnsafeArchive:
    return UnsafeArchive(f"{name} cannot be unpacked: {error}; fetch it again.")


@contextmanager
def _opened(packed: Path, name: str) -> Iterator[IO[bytes] | gzip.GzipFile]:
    with packed.open("rb") as file:
        magic = file.read(len(ZIP_MAGIC))
        file.seek(0)
        if magic == ZIP_MAGIC:
            with zipfile.ZipFile(file) as archive, archive.open(_member(archive, name)) as member:
                yield member
        elif magic.startswith(GZIP_MAGIC):
            with gzip.open(file) as stream:
                yield stream
        else:
            yield file


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    for member in archive.infolist():
        if why := _is_unsafe(member):
            raise UnsafeArchive(f"{name} is an archive with member {member.filename!r}, {why}; nothing was unpacked.")
    found = [member for member in archive.infolist() if PurePosixPath(member.filename).name == FILE_NAME]
    if len(found) != 1:
        raise UnsafeArchive(f"{name} is an archive with {len(found)} files called {FILE_NAME}, it must be one.")
    return found[0]


def _is_unsafe(member: zipfile.ZipInfo) -> str:
    # ZipInfo cuts the name at a NUL byte; what was cut off is looked at, too.
    written = member.orig_filename
    if "\\" in written or "\0" in written or ":" in written or PurePosixPath(written).is_absolute():
        return "which is no relative path"
    if ".." in PurePosixPath(written).parts:
        return "a path that leaves its folder"
    kind = stat.S_IFMT(member.external_attr >> 16)
    return "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "a link or a device"


def _copy(source: IO[bytes] | gzip.GzipFile, target: IO[bytes], n_packed: int, name: str) -> None:
    bound = min(MAX_BYTES, max(n_packed, 1 << 10) * MAX_RATIO)
    n_bytes = 0
    while piece := source.read(PIECE_BYTES):
        n_bytes += len(piece)
        if n_bytes > bound:
            raise UnsafeArchive(
                f"{name} has {n_packed} bytes and unpacks to more than {bound}: at most {MAX_RATIO} times its size and "
                f"{MAX_BYTES >> 30} GiB are written. Unpack it yourself if it is meant."
            )
        target.write(piece)
