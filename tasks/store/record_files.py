"""Reading and writing `record.json` of each artifact, and what lies beside it."""

import json
import logging
from contextlib import suppress
from datetime import datetime

from pydantic import Field, JsonValue, ValidationError

from tasks.common.settings import Frozen
from tasks.store.digests import canonical_json
from tasks.store.errors import ArtifactDamaged, NewerSchema, StoreError
from tasks.store.objects import Objects
from tasks.store.records import RECORD_NAME, SCHEMA_VERSION, Record
from tasks.store.refs import ArtifactRef, Sha256

log = logging.getLogger(__name__)

N_READS = 3
"""A record that is no whole one is read again: the fault may lie on the way, and it sends a person to remove it."""


ASIDE = "earlier"
"""Folder of the records that stood before an artifact was built again."""


class OtherBuild(Frozen):
    """A second builder's result of the same identity whose bytes differ: counted, not kept."""

    digest: Sha256
    finished_at: datetime
    seconds: float = Field(ge=0)
    versions: dict[str, str]
    record_seal: Sha256
    """Of the record it would have had."""


class RecordFiles:
    """`<kind>/<label>/<key>/record.json` below a store's root.

    Args:
        objects: Where they lie.
    """

    def __init__(self, objects: Objects) -> None:
        self.objects = objects

    def has(self, path: str) -> bool:
        """Whether a record stands in an artifact's folder."""
        return self.objects.size(self.name_of(path)) is not None

    def read(self, path: str) -> Record:
        """The record in an artifact's folder.

        Raises:
            FileNotFoundError: If none stands there.
            ArtifactDamaged: If it is cut, changed or unsealed.
            NewerSchema: If a newer version of this program wrote it.
        """
        for _ in range(N_READS - 1):
            with suppress(ArtifactDamaged):
                return self._read_once(path)
        return self._read_once(path)

    def _read_once(self, path: str) -> Record:
        content = self.objects.read(self.name_of(path))
        self._refuse_newer(path, content)
        try:
            record = Record.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise self._no_record(path, first["msg"] + (f" at {place}" if place else "")) from error
        if record.seal is None:
            raise self._no_record(path, "it has no seal")
        if record.ref.path != path:
            raise self._no_record(path, f"it is the record of {record.ref.path}")
        return record

    def write_new(self, record: Record) -> bool:
        """Write a sealed record unless one stands there, and say whether it was written."""
        return self.objects.write_new(self.name_of(record.ref.path), _spelled(record))

    def replace(self, record: Record) -> None:
        """Write a sealed record over a damaged one."""
        self.objects.write(self.name_of(record.ref.path), _spelled(record))

    def set_aside(self, record: Record) -> None:
        """Keep a record whose artifact was built again with other bytes: what came from it can still be traced."""
        self.objects.write(_aside(record.ref), _spelled(record))

    def read_aside(self, ref: ArtifactRef) -> Record | None:
        """The record of an artifact that was built again since; None if it was not."""
        try:
            record = Record.model_validate_json(self.objects.read(_aside(ref)))
        except (FileNotFoundError, ValidationError):
            return None
        return record if record.ref == ref else None

    def count_other(self, record: Record) -> None:
        """Note a build that came second with other bytes."""
        fields = {name: getattr(record, name) for name in ("digest", "finished_at", "seconds", "versions")}
        other = OtherBuild(**fields, record_seal=record.seal or record.content_digest)
        self.objects.write(f"{record.ref.path}/others/{record.digest[:12]}.json", _spelled(other))

    def others(self, ref: ArtifactRef) -> list[OtherBuild]:
        """The builds that came second with other bytes."""
        names = [info.name for info in self.objects.list(f"{ref.path}/others/")]
        return [OtherBuild.model_validate_json(self.objects.read(name)) for name in names]

    def point_latest(self, record: Record) -> None:
        """Leave a hint which artifact of this label is the newest; nothing is ever decided by it."""
        hint: dict[str, JsonValue] = {
            "key": record.key,
            "digest": record.digest,
            "finished_at": record.finished_at.isoformat(),
        }
        try:
            self.objects.write(f"{record.kind}/{record.label}/latest.json", canonical_json(hint) + b"\n")
        except (StoreError, OSError) as error:
            log.warning("%s: the hint latest.json could not be written: %s", record.ref.path, error)

    @staticmethod
    def name_of(path: str) -> str:
        """The object that holds an artifact's record."""
        return f"{path}/{RECORD_NAME}"

    def _refuse_newer(self, path: str, content: bytes) -> None:
        try:
            fields = json.loads(content)
        except ValueError:
            return  # said better by the record's own reading
        schema = fields.get("schema_version") if isinstance(fields, dict) else None
        if isinstance(schema, int) and schema > SCHEMA_VERSION:
            raise NewerSchema(
                f"{self.name_of(path)} in {self.objects.url} has schema {schema}, this version of hindsight reads "
                f"up to {SCHEMA_VERSION}; update hindsight to use the artifact."
            )

    def _no_record(self, path: str, why: str) -> ArtifactDamaged:
        return ArtifactDamaged(
            f"{self.name_of(path)} in {self.objects.url} is no whole record: {why}. Remove the file to have the "
            "artifact built again."
        )


def _aside(ref: ArtifactRef) -> str:
    return f"{ref.path}/{ASIDE}/{ref.digest[:12]}.json"


def _spelled(content: Frozen) -> bytes:
    return content.model_dump_json(indent=1).encode() + b"\n"
