"""The small artifact that the store's tests publish."""

from pathlib import Path

from pydantic import Field

from tasks.settings import NOT_IDENTITY, Config
from tasks.store.refs import ArtifactRef, Plan, Room
from tasks.store.store import Store


class Recipe(Config):
    size: int = 3
    patience: int = Field(5, json_schema_extra=NOT_IDENTITY)


ROOM = Room[Recipe]("corpus", 1, lambda config, inputs: "letters")


def published(store: Store, folder: Path, plan: Plan | None = None) -> ArtifactRef:
    return store.publish(plan or ROOM.plan(Recipe()), folder, {"n": 2}, 1.5)


def blob_files(root: Path) -> list[Path]:
    return sorted(file for file in root.rglob("blobs/*") if file.is_file())
