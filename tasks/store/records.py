"""`record.json`: what an artifact is, what it came from, and the digest of every file in it."""

import platform
import subprocess
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from tasks.settings import Frozen, project_root
from tasks.store.digests import artifact_digest, sha256_of_json
from tasks.store.refs import ArtifactRef, Segment, Sha256

RECORD_NAME = "record.json"
PACKAGES = ("prefect", "torch", "transformers", "peft", "scikit-learn", "numpy", "pandas", "s3fs")


def _stays_inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or any(part in ("..", ".") for part in parts):
        raise ValueError(f"file path {path!r} would leave the artifact's folder; paths are relative, without '..'")
    return path


class FileEntry(Frozen):
    """One file of an artifact."""

    path: Annotated[str, AfterValidator(_stays_inside)]
    """Relative to the artifact's folder."""
    size: int = Field(ge=0)
    """Bytes."""
    sha256: Sha256


class Record(Frozen):
    """The proof of an artifact. It is written last, after every file was read back and hashed."""

    schema_version: Literal[1] = 1
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
    finished_at: datetime
    versions: dict[str, str]
    git_commit: str | None
    """Commit of the code, with `+changes` where the tree had some; None outside a checkout."""
    seal: Sha256 | None = None
    """Digest of all other fields: a flipped byte or an edited fact is found on reading. None before publishing."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.seal is not None and self.seal != self.content_digest:
            raise ValueError(f"the record was changed after it was sealed: it hashes to {self.content_digest[:12]}")
        return self

    @property
    def content_digest(self) -> str:
        """What the seal must be."""
        return sha256_of_json(self.model_dump(mode="json", exclude={"seal"}))

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
