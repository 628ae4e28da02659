"""The vectors stage's config and artifact type."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Self

from pydantic import Field, model_validator

from tasks.common.settings import Config, check_absolute
from tasks.store.refs import ArtifactRef, ArtifactType, Sha256


class VectorsConfig(Config):
    """Vectors of a panel's rows from a file: parquet with keys beside the vectors, or npy with the keys in another."""

    file: str = Field(min_length=1, pattern=r"\.(parquet|npy)$")
    """Path or URL of the vectors. npy: (n_rows, width) numbers."""
    sha256: Sha256 | None = None
    """Digest the file must have. Without it, other content under the same path counts as the same vectors."""
    keys: str | None = Field(None, min_length=1, pattern=r"\.(parquet|csv|csv\.gz)$")
    """Path or URL of the keys of an npy file, one row per vector in the same order."""
    keys_sha256: Sha256 | None = None
    """Digest the keys must have."""
    entity: str = Field("code", min_length=1, max_length=200)
    """Column with the panel's codes."""
    date: str = Field("date", min_length=1, max_length=200)
    """Column with the panel's days."""
    columns: tuple[str, ...] = Field((), max_length=100_000)
    """Columns of the vectors in parquet: one with lists, or one per number. Empty: all beside the keys."""

    @model_validator(mode="after")
    def _names_files(self) -> Self:
        check_absolute(self.file, self.sha256)
        check_absolute(self.keys, self.keys_sha256)
        if self.file.endswith(".npy") == (self.keys is None):
            raise ValueError("an npy file needs its keys in another file, a parquet file has them beside the vectors")
        if self.file.endswith(".npy") and self.columns:
            raise ValueError("an npy file has no named columns; leave columns out")
        return self


def vectors_label(config: VectorsConfig, inputs: Mapping[str, ArtifactRef]) -> str:
    """Name of the artifact: the panel and the file."""
    stem = re.sub(r"[^A-Za-z0-9._+-]+", "-", PurePosixPath(config.file).stem)
    return f"{inputs['panel'].label[:60]}-{stem[:60]}"


REVISION = 1
"""Raised when the same input gives other bytes."""
ARTIFACT_TYPE = ArtifactType(kind="vectors", revision=REVISION, label=vectors_label)
