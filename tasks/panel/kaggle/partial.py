"""What has come of a file, and what its server said of the whole, on disk between two starts."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from tasks.common.settings import Frozen

if TYPE_CHECKING:
    from requests import Response


class Whole(Frozen):
    """What a server says of the file it sends."""

    validator: str | None
    """ETag or day of change: the same for the same bytes. None where the server gives none that can be relied on."""
    n_bytes: int | None

    @classmethod
    def told_by(cls, response: "Response") -> Self:
        """Read it from an answer that begins at the file's first byte."""
        etag, size = response.headers.get("ETag"), response.headers.get("Content-Length", "")
        # A weak ETag says that two files mean the same, not that their bytes are.
        strong = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
        return cls(validator=strong, n_bytes=int(size) if size.isdecimal() else None)


@dataclass(frozen=True)
class Partial:
    """A file that is being received, beside it what the server said of the whole.

    Args:
        folder: Where both lie; it outlives the process.
    """

    folder: Path

    @property
    def file(self) -> Path:
        """The bytes that have come so far."""
        return self.folder / "body"

    @property
    def n_bytes(self) -> int:
        """How many they are."""
        return self.file.stat().st_size if self.file.exists() else 0

    def n_bytes_of(self, whole: Whole) -> int:
        """How many of them are certainly the first ones of this file."""
        told = self.folder / "whole.json"
        try:
            known = Whole.model_validate_json(told.read_bytes())
        except (FileNotFoundError, ValidationError):
            return 0
        return self.n_bytes if whole.validator and known == whole else 0

    def begin(self, whole: Whole) -> None:
        """Forget what has come and note what comes now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # In this order no kill leaves old bytes under a new name.
        self.file.unlink(missing_ok=True)
        (self.folder / "whole.json").write_text(whole.model_dump_json())
        self.file.touch()
