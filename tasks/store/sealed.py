"""Small JSON files that say when they were changed: each carries the digest of all its other fields."""

from typing import Self, TypeVar

from pydantic import ValidationError, model_validator

from tasks.common.settings import Frozen
from tasks.store.digests import sha256_of_json
from tasks.store.errors import StoreError
from tasks.store.objects import Objects
from tasks.store.refs import Sha256


class BadNote(StoreError):
    """A receipt or a lease that stands in the store is cut, changed, unsealed or of another schema."""


class Sealed(Frozen):
    """A model whose seal is checked whenever it is read."""

    seal: Sha256 | None = None
    """Digest of all other fields; None before it is written."""

    @model_validator(mode="after")
    def _is_as_sealed(self) -> Self:
        if self.seal is not None and self.seal != self.content_digest:
            raise ValueError(f"it was changed after it was sealed: it hashes to {self.content_digest[:12]}")
        return self

    @property
    def content_digest(self) -> str:
        """What the seal must be."""
        return sha256_of_json(self.model_dump(mode="json", exclude={"seal"}))

    @property
    def is_sealed(self) -> bool:
        """Whether the seal is there and still holds; a copy with other values keeps the old seal and is found out."""
        return self.seal == self.content_digest

    def sealed(self) -> Self:
        """The same with its seal."""
        return self.model_copy(update={"seal": self.content_digest})

    def to_bytes(self) -> bytes:
        """As it is written."""
        return self.model_dump_json(indent=1).encode() + b"\n"


S = TypeVar("S", bound=Sealed)


def read_sealed(objects: Objects, name: str, model: type[S]) -> S:
    """Read a sealed file.

    Raises:
        FileNotFoundError: If none stands there.
        BadNote: If it is cut, changed, unsealed or of another schema.
    """
    try:
        note = model.model_validate_json(objects.read(name))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _bad(objects, name, model, first["msg"] + (f" at {place}" if place else "")) from error
    if note.seal is None:
        raise _bad(objects, name, model, "it has no seal")
    return note


def _bad(objects: Objects, name: str, model: type[Sealed], why: str) -> BadNote:
    return BadNote(f"{name} in {objects.url} is no {model.__name__.lower()}: {why}. Remove the file and write it anew.")
