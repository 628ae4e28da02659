"""The small artifact that the store's tests publish."""

from pathlib import Path

from pydantic import Field

from tasks.common.settings import NOT_IDENTITY, Config
from tasks.store.refs import ArtifactRef, ArtifactSpec, ArtifactType
from tasks.store.store import Store


class SmallConfig(Config):
    size: int = 3
    wait_seconds: int = Field(5, json_schema_extra=NOT_IDENTITY)


ARTIFACT_TYPE = ArtifactType[SmallConfig]("corpus", 1, lambda config, inputs: "letters")


def published(store: Store, folder: Path, spec: ArtifactSpec | None = None) -> ArtifactRef:
    return store.publish(spec or ARTIFACT_TYPE.spec(SmallConfig()), folder, {"n": 2}, 1.5)


def blob_files(root: Path) -> list[Path]:
    return sorted(file for file in root.rglob("blobs/*") if file.is_file())
