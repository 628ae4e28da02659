"""Reads and writes `record.json` of each artifact, and the small files beside it."""

import logging
from contextlib import suppress
from datetime import datetime

from pydantic import Field, JsonValue, ValidationError

from tasks.common.json_text import read_json
from tasks.common.settings import Frozen
from tasks.store.digests import canonical_json
from tasks.store.errors import ArtifactDamaged, NewerSchema, StoreError
from tasks.store.objects import Objects
from tasks.store.records import RECORD_NAME, SCHEMA_VERSION, Record
from tasks.store.refs import ArtifactRef, Sha256
from tasks.store.sealed import parse_sealed

log = logging.getLogger(__name__)

N_READS = 3
"""An invalid record is read again: the fault may be on the way, and the error asks a person to remove the record."""
EARLIER = "earlier"
"""Folder of the records that a rebuild with other bytes replaced."""


class OtherBuild(Frozen):
    """A second build of the same identity with other bytes: counted, not kept."""

    digest: Sha256
    finished_at: datetime
    seconds: float = Field(ge=0)
    versions: dict[str, str]
    record_seal: Sha256
    """Seal of the record that was not kept."""


class RecordFiles:
    """`<kind>/<label>/<key>/record.json` below a store's root."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects

    @staticmethod
    def name_of(path: str) -> str:
        """The object with an artifact's record."""
        return f"{path}/{RECORD_NAME}"

    def has(self, path: str) -> bool:
        """Whether an artifact has a record."""
        return self.objects.size(self.name_of(path)) is not None

    def read(self, path: str) -> Record:
        """The record of the artifact at a path.

        Raises:
            FileNotFoundError: If there is none.
            ArtifactDamaged: If it is cut, changed or unsealed.
            NewerSchema: If a newer version of this program wrote it.
        """
        for _ in range(N_READS - 1):
            with suppress(ArtifactDamaged):
                return self._read_once(path)
        return self._read_once(path)

    def _read_once(self, path: str) -> Record:
        content = self.objects.read(self.name_of(path))
        self._check_schema(path, content)
        try:
            record = parse_sealed(content, Record)
            if record.ref.path != path:
                raise ValueError(f"it is the record of {record.ref.path}")
        except ValueError as error:
            raise ArtifactDamaged(
                f"{self.name_of(path)} in {self.objects.url} is not a valid record: {error}. Remove the file to "
                "rebuild the artifact."
            ) from error
        return record

    def _check_schema(self, path: str, content: bytes) -> None:
        try:
            fields = read_json(content)
        except ValueError:
            return  # parsing the record gives the better message
        schema = fields.get("schema_version") if isinstance(fields, dict) else None
        if isinstance(schema, int) and schema > SCHEMA_VERSION:
            raise NewerSchema(
                f"{self.name_of(path)} in {self.objects.url} has schema {schema}, this version of hindsight reads "
                f"up to {SCHEMA_VERSION}; update hindsight to use the artifact."
            )

    def write_new(self, record: Record) -> bool:
        """Write a sealed record unless one exists. Returns whether it was written."""
        return self.objects.write_new(self.name_of(record.ref.path), record.to_bytes())

    def replace(self, record: Record) -> None:
        """Write a sealed record over an existing one."""
        self.objects.write(self.name_of(record.ref.path), record.to_bytes())

    def keep_earlier(self, record: Record) -> None:
        """Keep a record whose artifact was rebuilt with other bytes, so that references to it stay valid."""
        self.objects.write(_earlier_name(record.ref), record.to_bytes())

    def read_earlier(self, ref: ArtifactRef) -> Record | None:
        """The record of an artifact that was rebuilt since; None if it was not."""
        try:
            record = Record.model_validate_json(self.objects.read(_earlier_name(ref)))
        except (FileNotFoundError, ValidationError):
            return None
        return record if record.ref == ref else None

    def count_other(self, record: Record) -> None:
        """Note a second build with other bytes."""
        fields = {name: getattr(record, name) for name in ("digest", "finished_at", "seconds", "versions")}
        other = OtherBuild(**fields, record_seal=record.seal or record.content_digest)
        name = f"{record.ref.path}/others/{record.digest[:12]}.json"
        self.objects.write(name, other.model_dump_json(indent=1).encode() + b"\n")

    def others(self, ref: ArtifactRef) -> list[OtherBuild]:
        """Second builds with other bytes."""
        names = [info.name for info in self.objects.list(f"{ref.path}/others/")]
        return [OtherBuild.model_validate_json(self.objects.read(name)) for name in names]

    def point_latest(self, record: Record) -> None:
        """Write the hint which artifact of this label is the newest; nothing is ever decided by it."""
        hint: dict[str, JsonValue] = {
            "key": record.key,
            "digest": record.digest,
            "finished_at": record.finished_at.isoformat(),
        }
        try:
            self.objects.write(f"{record.kind}/{record.label}/latest.json", canonical_json(hint) + b"\n")
        except (StoreError, OSError) as error:
            log.warning("%s: the hint latest.json could not be written: %s", record.ref.path, error)


def _earlier_name(ref: ArtifactRef) -> str:
    return f"{ref.path}/{EARLIER}/{ref.digest[:12]}.json"
