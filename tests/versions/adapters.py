"""Trained adapters as the store holds them, without a training."""

from pathlib import Path

from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import Store
from tests.store.small_artifact import SmallConfig

LINE = "adapters"


def artifact(store: Store, work: Path, kind: str, number: int, inputs: dict[str, ArtifactRef]) -> ArtifactRef:
    """A small artifact of any kind."""
    folder = work / f"{kind}-{number}"
    folder.mkdir(exist_ok=True)
    (folder / "content.txt").write_text(f"{kind} {number}")
    kind_type = ArtifactType[SmallConfig](kind, 1, lambda config, inputs: kind)
    return store.publish(kind_type.spec(SmallConfig(size=number), inputs), folder, {}, 1.0)


def adapter(store: Store, work: Path, number: int) -> ArtifactRef:
    """An adapter of one base, trained on a corpus of its own."""
    base = artifact(store, work, "base", 0, {})
    corpus = artifact(store, work, "corpus", number, {})
    return artifact(store, work, "train", number, {"base": base, "corpus": corpus})
