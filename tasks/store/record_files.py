"""Reading and writing `record.json` of each artifact."""

import fsspec
from pydantic import ValidationError

from tasks.store.errors import ArtifactDamaged
from tasks.store.filesystem import put_bytes
from tasks.store.records import RECORD_NAME, Record


class RecordFiles:
    """`<kind>/<label>/<key>/record.json` below a store's root.

    Args:
        filesystem: Where they lie.
        root: The store's root.
        url: What messages call the store.
    """

    def __init__(self, filesystem: fsspec.AbstractFileSystem, root: str, url: str) -> None:
        self.filesystem = filesystem
        self.root = root
        self.url = url

    def has(self, path: str) -> bool:
        """Whether a record stands in an artifact's folder."""
        return bool(self.filesystem.exists(self._at(path)))

    def read(self, path: str) -> Record:
        """The record in an artifact's folder.

        Raises:
            ArtifactDamaged: If it is cut, changed, unsealed, or of another schema.
        """
        try:
            record = Record.model_validate_json(self.filesystem.cat_file(self._at(path)))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise self._no_record(path, first["msg"] + (f" at {place}" if place else "")) from error
        if record.seal is None:
            raise self._no_record(path, "it has no seal")
        return record

    def write(self, record: Record) -> None:
        """Write a sealed record and read it back.

        Raises:
            ArtifactDamaged: If it reads back changed.
        """
        path = record.ref.path
        put_bytes(self.filesystem, record.model_dump_json(indent=1).encode() + b"\n", self._at(path))
        if self.read(path) != record:
            raise ArtifactDamaged(
                f"{path}/{RECORD_NAME} in {self.url} reads back changed; the artifact does not count."
            )

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}/{RECORD_NAME}"

    def _no_record(self, path: str, why: str) -> ArtifactDamaged:
        return ArtifactDamaged(
            f"{path}/{RECORD_NAME} in {self.url} is no record of schema 1: {why}. Remove the file to have the artifact "
            "built again."
        )
