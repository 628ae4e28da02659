"""Unpacks a price file to plain CSV: zip and gzip within bounds. Names inside an archive never become paths."""

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

from tasks.common.unpack import CHUNK_BYTES, GZIP_MAGIC, MAX_BYTES, MAX_RATIO
from tasks.panel.errors import UnsafeArchive
from tasks.panel.kaggle.config import FILE_NAME, PricesConfig

ZIP_MAGIC = b"PK\x03\x04"
DAMAGED = (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, RuntimeError, UnicodeDecodeError, OSError)
"""What zipfile and gzip raise for damaged files, such as UnicodeDecodeError for a name said to be UTF-8 that is not."""


def write_plain(packed: Path, plain: Path, name: str) -> None:
    """Write a file's CSV.

    Args:
        packed: CSV, gzipped CSV, or a zip archive: of one `stock_prices.csv`, or of the
            whole competition, whose `train_files/stock_prices.csv` is taken.
        plain: The file to write; no other file is written.
        name: The file's name in messages.

    Raises:
        UnsafeArchive: If an archive is damaged, holds no such file, a link or a path that leaves its folder, or unpacks
            to more than MAX_BYTES or MAX_RATIO times its size.
    """
    try:
        with _opened(packed, name) as source, plain.open("wb") as target:
            _copy(source, target, packed.stat().st_size, name)
    except DAMAGED as error:
        # bzip2's errors have no number. EINVAL: a directory whose offsets are before the file's first byte.
        if getattr(error, "errno", None) not in (errno.EINVAL, None):
            raise
        raise UnsafeArchive(f"{name} cannot be unpacked: {error}; download it again.") from error


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
        if why := _unsafe(member):
            raise UnsafeArchive(f"{name} is an archive with member {member.filename!r}, {why}; nothing was unpacked.")
    found = [member for member in archive.infolist() if PurePosixPath(member.filename).name == FILE_NAME]
    # The archive of the whole competition has three files of that name.
    main = [member for member in found if member.filename.endswith(PricesConfig().file)]
    if len(found) != 1 and len(main) != 1:
        names = f" ({', '.join(member.filename for member in found)})" if found else ""
        raise UnsafeArchive(
            f"{name} is an archive with {len(found)} files called {FILE_NAME}{names}, it must be one, or one of them "
            f"{PricesConfig().file}. Unpack the one you mean, and stage that."
        )
    return (main or found)[0]


def _unsafe(member: zipfile.ZipInfo) -> str:
    """Why a member is unsafe; empty if it is not."""
    # `filename` ends at a NUL byte; `orig_filename` is the whole name.
    written = member.orig_filename
    if any(character in written for character in "\\\0:") or PurePosixPath(written).is_absolute():
        return "which is not a relative path"
    if ".." in PurePosixPath(written).parts:
        return "a path that leaves its folder"
    kind = stat.S_IFMT(member.external_attr >> 16)
    return "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "a link or a device"


def _copy(source: IO[bytes] | gzip.GzipFile, target: IO[bytes], n_packed: int, name: str) -> None:
    bound = min(MAX_BYTES, max(n_packed, 1 << 10) * MAX_RATIO)
    n_bytes = 0
    while chunk := source.read(CHUNK_BYTES):
        n_bytes += len(chunk)
        if n_bytes > bound:
            raise UnsafeArchive(
                f"{name} has {n_packed} bytes and unpacks to more than {bound}: at most {MAX_RATIO} times its size and "
                f"{MAX_BYTES >> 30} GiB are written. Unpack it yourself if that is expected."
            )
        target.write(chunk)
