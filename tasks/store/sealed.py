"""JSON files with a seal: the digest of all their other fields, so that a changed byte is found on reading."""

from typing import Self, TypeVar

from pydantic import ValidationError, model_validator

from tasks.common.settings import Frozen
from tasks.store.digests import sha256_of_json
from tasks.store.errors import StoreError
from tasks.store.objects import Objects
from tasks.store.refs import Sha256


class DamagedFile(StoreError):
    """A receipt or a lease in the store is cut, changed, unsealed or of another schema."""


class Sealed(Frozen):
    """A model whose seal is checked whenever it is read."""

    seal: Sha256 | None = None
    """Digest of all other fields; None before it is written."""

    @model_validator(mode="after")
    def _check_seal(self) -> Self:
        if self.seal is not None and not self.is_sealed:
            raise ValueError(f"it was changed after it was sealed: it hashes to {self.content_digest[:12]}")
        return self

    @property
    def content_digest(self) -> str:
        """What the seal must be."""
        return sha256_of_json(self.model_dump(mode="json", exclude={"seal"}))

    @property
    def is_sealed(self) -> bool:
        """Whether the seal is right. A copy with other values keeps the old seal, which is then wrong."""
        return self.seal == self.content_digest

    def sealed(self) -> Self:
        """A copy with its seal."""
        return self.model_copy(update={"seal": self.content_digest})

    def to_bytes(self) -> bytes:
        """Content of the file."""
        return self.model_dump_json(indent=1).encode() + b"\n"


S = TypeVar("S", bound=Sealed)


def parse_sealed(content: bytes, model: type[S]) -> S:
    """Parse a sealed file.

    Raises:
        ValueError: If it is cut, changed, unsealed or of another schema; one line says which.
    """
    try:
        parsed = model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise ValueError(first["msg"] + (f" at {field}" if field else "")) from error
    if parsed.seal is None:
        raise ValueError("it has no seal")
    return parsed


def read_sealed(objects: Objects, name: str, model: type[S]) -> S:
    """Read a receipt or a lease.

    Raises:
        FileNotFoundError: If it does not exist.
        DamagedFile: If it is cut, changed, unsealed or of another schema.
    """
    content = objects.read(name)
    try:
        return parse_sealed(content, model)
    except ValueError as error:
        raise DamagedFile(
            f"{name} in {objects.url} is not a valid {model.__name__.lower()}: {error}. Remove it and write it again."
        ) from error
