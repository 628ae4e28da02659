"""Packed content from outside, unpacked within bounds of memory."""

import gzip
import io
import zlib

GZIP_MAGIC = b"\x1f\x8b"
MAX_BYTES = 2 << 30
"""Unpacked: eight times the largest published price file."""
MAX_RATIO = 100
"""Prices as text pack to a fifth or a tenth; only a bomb packs to a hundredth."""
SMALL_BYTES = 1 << 20
"""Packed content up to this size may unpack to MAX_RATIO times this size, as a column of one value does."""
CHUNK_BYTES = 1 << 20


def unpacked(content: bytes) -> bytes:
    """Content as it is, or unpacked if it is gzipped.

    Raises:
        ValueError: If it is damaged, or unpacks to more than MAX_BYTES or MAX_RATIO times its size.
    """
    if not content.startswith(GZIP_MAGIC):
        return content
    bound = min(MAX_BYTES, max(len(content), SMALL_BYTES) * MAX_RATIO)
    found = io.BytesIO()
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                found.write(chunk)
                if found.tell() > bound:
                    raise ValueError(
                        f"it has {len(content):,} bytes and unpacks to more than {bound:,}, at most {MAX_RATIO} times "
                        f"its size and {MAX_BYTES >> 30} GiB are read; unpack it if that is expected"
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error
    return found.getvalue()
