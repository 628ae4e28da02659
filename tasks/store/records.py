"""`record.json`: what an artifact is, what it came from, and the digest of every file in it."""

import platform
import subprocess
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from tasks.common.settings import Frozen, project_root
from tasks.costs.usage import Spent
from tasks.store.digests import artifact_digest, sha256_of_json
from tasks.store.refs import ArtifactRef, Segment, Sha256

RECORD_NAME = "record.json"
SCHEMA_VERSION: Literal[3] = 3
"""1: each file is one blob. 2: a file may be several. 3: it says what was spent, and for whom it was rebuilt."""
SINCE_SCHEMA_3 = {"spent", "requested_by"}
PACKAGES = ("prefect", "torch", "transformers", "peft", "scikit-learn", "numpy", "pandas", "s3fs")


def _stays_inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or any(part in ("..", ".") for part in parts):
        raise ValueError(f"file path {path!r} would leave the artifact's folder; paths are relative, without '..'")
    return path


class BlobEntry(Frozen):
    """One blob of a file."""

    sha256: Sha256
    size: int = Field(ge=0)
    """Bytes."""


class FileEntry(Frozen):
    """One file of an artifact."""

    path: Annotated[str, AfterValidator(_stays_inside)]
    """Relative to the artifact's folder."""
    size: int = Field(ge=0)
    """Bytes."""
    sha256: Sha256
    """Of the whole file."""
    blobs: tuple[BlobEntry, ...] = ()
    """The file's bytes in order; without them (schema 1) the file is one blob."""

    @model_validator(mode="before")
    @classmethod
    def _one_blob_unless_said(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and not fields.get("blobs") and {"size", "sha256"} <= fields.keys():
            return {**fields, "blobs": ({"sha256": fields["sha256"], "size": fields["size"]},)}
        return fields

    @model_validator(mode="after")
    def _blobs_make_the_file(self) -> Self:
        if sum(blob.size for blob in self.blobs) != self.size:
            raise ValueError(f"the blobs of file {self.path!r} have other bytes together than its {self.size}")
        if len(self.blobs) == 1 and self.blobs[0].sha256 != self.sha256:
            raise ValueError(f"the one blob of file {self.path!r} has another sha256 than the file")
        return self

    @property
    def placed_blobs(self) -> Iterator[tuple[int, BlobEntry]]:
        """Each blob with the offset of its first byte in the file."""
        offset = 0
        for blob in self.blobs:
            yield offset, blob
            offset += blob.size


class Record(Frozen):
    """The proof of an artifact. It is written last, after every file was read back and hashed."""

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
    spent: Spent | None = None
    """Time and dollars, waiting and failed attempts included. None before schema 3, and for what has no attempt of its
    own, such as a training's states."""
    requested_by: str | None = Field(None, max_length=100)
    """The run that asked for it to be built though one stood."""
    finished_at: datetime
    versions: dict[str, str]
    git_commit: str | None
    """Commit of the code, with `+changes` where the tree had some; None outside a checkout."""
    seal: Sha256 | None = None
    """Digest of all other fields: a flipped byte or an edited fact is found on reading. None before publishing."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for name in SINCE_SCHEMA_3 if self.schema_version < 3 else ():
            if getattr(self, name) is not None:
                raise ValueError(f"schema {self.schema_version} knows no `{name}`, so that its seal says nothing of it")
        if self.seal is not None and self.seal != self.content_digest:
            raise ValueError(f"the record was changed after it was sealed: it hashes to {self.content_digest[:12]}")
        return self

    @property
    def content_digest(self) -> str:
        """What the seal must be."""
        unknown_then = SINCE_SCHEMA_3 if self.schema_version < 3 else set()
        content = self.model_dump(mode="json", exclude={"seal"} | unknown_then)
        if self.schema_version == 1:
            # It was sealed before files could be several blobs.
            content["files"] = [
                {name: entry[name] for name in ("path", "size", "sha256")} for entry in content["files"]
            ]
        return sha256_of_json(content)

    def sealed(self) -> Self:
        """The same record with its seal."""
        return self.model_copy(update={"seal": self.content_digest})

    @property
    def digest(self) -> str:
        """Digest of the content, as references carry it."""
        return artifact_digest((entry.path, entry.sha256) for entry in self.files)

    @property
    def ref(self) -> ArtifactRef:
        """The reference to this artifact."""
        return ArtifactRef(kind=self.kind, label=self.label, key=self.key, digest=self.digest)

    @property
    def n_bytes(self) -> int:
        """Size of all files."""
        return sum(entry.size for entry in self.files)


def running_versions() -> dict[str, str]:
    """Python's and the packages' versions that can explain a difference in bytes."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def git_commit() -> str | None:
    """The commit the code runs from, or None outside a checkout."""

    def git(*args: str) -> str:
        command = ["git", "-C", str(project_root()), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None
