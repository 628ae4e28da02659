"""`record.json`: what an artifact is, its inputs, and the digest of every file in it."""

import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, model_validator

from tasks.common.settings import Frozen, is_checkout, project_root
from tasks.costs.usage import Usage
from tasks.store.digests import artifact_digest, sha256_of_json
from tasks.store.errors import IdentityDrift
from tasks.store.refs import ArtifactRef, Segment, Sha256
from tasks.store.sealed import Sealed

RECORD_NAME = "record.json"
SCHEMA_VERSION: Literal[3] = 3
"""1: each file is one blob. 2: a file may be several blobs. 3: adds `spent` and `rebuilt_for`."""
SINCE_SCHEMA_3 = {"spent", "requested_by"}
PACKAGES = ("hindsight-lm", "prefect", "torch", "transformers", "peft", "scikit-learn", "numpy", "pandas", "s3fs")


def _check_relative(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or {"\\", "\0"} & set(path) or any(part in ("..", ".") for part in parts):
        raise ValueError(f"file path {path!r} would leave the artifact's folder; paths are relative, without '..'")
    return path


class BlobEntry(Frozen):
    """One blob of a file."""

    sha256: Sha256
    size: int = Field(ge=0)
    """Bytes."""


class FileEntry(Frozen):
    """One file of an artifact."""

    path: Annotated[str, AfterValidator(_check_relative)]
    """Relative to the artifact's folder."""
    size: int = Field(ge=0)
    """Bytes."""
    sha256: Sha256
    """Of the whole file."""
    blobs: tuple[BlobEntry, ...] = ()
    """The file's bytes in order; without them (schema 1) the file is one blob."""

    @model_validator(mode="before")
    @classmethod
    def _default_to_one_blob(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and not fields.get("blobs") and {"size", "sha256"} <= fields.keys():
            return {**fields, "blobs": ({"sha256": fields["sha256"], "size": fields["size"]},)}
        return fields

    @model_validator(mode="after")
    def _check_blobs(self) -> Self:
        if (total := sum(blob.size for blob in self.blobs)) != self.size:
            raise ValueError(f"the blobs of file {self.path!r} have {total} bytes together, the file has {self.size}")
        if len(self.blobs) == 1 and self.blobs[0].sha256 != self.sha256:
            raise ValueError(f"the only blob of file {self.path!r} has another sha256 than the file")
        return self

    @property
    def located_blobs(self) -> Iterator[tuple[int, BlobEntry]]:
        """Each blob with the offset of its first byte in the file."""
        offset = 0
        for blob in self.blobs:
            yield offset, blob
            offset += blob.size


BlobLocation = tuple[FileEntry, int, BlobEntry]
"""A blob, the first file that contains it, and the offset of its first byte in the file."""


def distinct_blobs(files: Iterable[FileEntry]) -> list[BlobLocation]:
    """Each blob once, in file order."""
    found: dict[str, BlobLocation] = {}
    for entry in files:
        for offset, blob in entry.located_blobs:
            found.setdefault(blob.sha256, (entry, offset, blob))
    return list(found.values())


class Record(Sealed):
    """The proof of an artifact. It is written last, after every file was read back and hashed."""

    # `requested_by` keeps the name it had in stored records, so that those stay readable and their seals right.
    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    schema_version: Literal[1, 2, 3] = SCHEMA_VERSION
    kind: Segment
    label: Segment
    key: str
    identity: dict[str, JsonValue]
    """Revision, config's identity fields and inputs' digests: the key is their hash."""
    config: dict[str, JsonValue]
    inputs: dict[str, ArtifactRef]
    files: list[FileEntry]
    facts: dict[str, JsonValue]
    """Numbers that decide or explain: counts, tokens, differences."""
    seconds: float = Field(ge=0)
    """Wall time of the work, fetching its inputs included."""
    spent: Usage | None = None
    """Machine time and dollars, waiting and failed attempts included. None before schema 3, and for artifacts without
    an attempt of their own, such as training states."""
    requested_by: str | None = Field(None, max_length=100, alias="rebuilt_for")
    """The run that requested a rebuild of an existing artifact."""
    finished_at: datetime
    versions: dict[str, str]
    git_commit: str | None
    """Commit of the code, with `+changes` if the tree had some; None outside a checkout."""

    @model_validator(mode="after")
    def _check_schema(self) -> Self:
        for name in SINCE_SCHEMA_3 if self.schema_version < 3 else ():
            if getattr(self, name) is not None:
                raise ValueError(f"schema {self.schema_version} has no `{name}`, so its seal does not cover it")
        return self

    @property
    def content_digest(self) -> str:
        """What the seal must be."""
        later_fields = SINCE_SCHEMA_3 if self.schema_version < 3 else set()
        content = self.model_dump(mode="json", exclude={"seal"} | later_fields)
        if self.schema_version == 1:
            # It was sealed before files could be several blobs.
            content["files"] = [
                {name: entry[name] for name in ("path", "size", "sha256")} for entry in content["files"]
            ]
        return sha256_of_json(content)

    @property
    def digest(self) -> str:
        """Digest of the content, as in references."""
        return artifact_digest((entry.path, entry.sha256) for entry in self.files)

    @property
    def ref(self) -> ArtifactRef:
        """The reference to this artifact."""
        return ArtifactRef(kind=self.kind, label=self.label, key=self.key, digest=self.digest)

    @property
    def n_bytes(self) -> int:
        """Size of all files."""
        return sum(entry.size for entry in self.files)

    @property
    def blob_sizes(self) -> dict[str, int]:
        """Bytes of each distinct blob by its sha256, in file order."""
        return {blob.sha256: blob.size for entry in self.files for blob in entry.blobs}


def check_identity(record: Record, wanted: dict[str, JsonValue]) -> None:
    """Check that a record has the wanted identity.

    Raises:
        IdentityDrift: With each differing field and both values.
    """
    if record.identity != wanted:
        fields = ", ".join(differences(record.identity, wanted))
        raise IdentityDrift(
            f"artifact {record.ref.path} exists with another identity than this run wants: {fields}; remove its "
            "record to rebuild it."
        )


def differences(found: JsonValue, wanted: JsonValue, field: str = "") -> Iterator[str]:
    """`config.seed is 0, wanted 1`, for every leaf that differs."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in sorted({*found, *wanted}):
            yield from differences(found.get(name), wanted.get(name), f"{field}.{name}".lstrip("."))
    elif found != wanted:
        yield f"{field} is {found!r}, wanted {wanted!r}"


def running_versions() -> dict[str, str]:
    """Versions of Python and of the packages that can explain a difference in bytes."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def git_commit() -> str | None:
    """The commit the code runs from, or None outside a checkout; an image's, as HINDSIGHT_COMMIT names it."""
    if named := os.environ.get("HINDSIGHT_COMMIT"):
        return named
    if not is_checkout(project_root()):
        # An environment inside another repository would give that one's commit.
        return None

    def git(*args: str) -> str:
        command = ["git", "-C", str(project_root()), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None
