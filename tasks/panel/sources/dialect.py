"""How a price file separates its columns and writes its decimals."""

import zlib
from collections.abc import Collection
from dataclasses import dataclass

from tasks.common.unpack import GZIP_MAGIC

SEPARATORS = (",", ";", "\t")
HEAD_BYTES = 1 << 16
"""In which the header and decimal commas are looked for."""


@dataclass(frozen=True)
class Dialect:
    """What a CSV file is written with.

    Args:
        separator: Between columns: a comma, a semicolon or a tab.
        decimal: Of numbers: a point, or a comma where columns are not separated by one.
    """

    separator: str = ","
    decimal: str = "."

    @classmethod
    def of(cls, content: bytes, columns: Collection[str]) -> "Dialect":
        """The dialect in which the first line holds most of the wanted columns.

        Args:
            content: The file, plain or gzipped.
            columns: Names that its header may have.
        """
        lines = _first_lines(content)
        header = lines[0] if lines else ""
        separator = max(SEPARATORS, key=lambda mark: len(set(columns) & set(header.strip().split(mark))))
        has_decimal_commas = separator != "," and any("," in line for line in lines[1:])
        return cls(separator, "," if has_decimal_commas else ".")


def _first_lines(content: bytes) -> list[str]:
    head = content[:HEAD_BYTES]
    if content.startswith(GZIP_MAGIC):
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content, HEAD_BYTES)
        except zlib.error:
            # The parser names what is wrong with the file.
            return []
    return head.decode(errors="replace").lstrip("\ufeff").splitlines()
