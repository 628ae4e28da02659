"""Training states as a trainer and a store hold them, made for tests."""

from pathlib import Path

from tasks.common.settings import Config
from tasks.store.blobs import Blobs
from tasks.store.errors import StoreUnreachable
from tasks.store.records import Record
from tasks.store.refs import ArtifactSpec
from tasks.store.store import Store
from tasks.train.pipeline.state_store import States
from tasks.train.trainer.state_files import StateInfo, begin, finish


class Arm(Config):
    rank: int = 16


def states_of(root: Path, machine: str = "first", rank: int = 16) -> States:
    spec = ArtifactSpec("train", "some-lora", 1, Arm(rank=rank))
    return States(Store(str(root / "store"), root / machine, chunk_bytes=1 << 10), spec)


def written(root: Path, step: int, n_bytes: int = 4_000) -> Path:
    """A state as a trainer leaves it, of bytes that hang on its step, but for a file that all states share."""
    part = begin(root / "states", step)
    (part / "adapter.safetensors").write_bytes(bytes([step]) * n_bytes)
    (part / "audit.json").write_text("[]")
    StateInfo(step, step * 100, 10, 1, "rows").write(part)
    finish(part)
    return root / "states" / f"step-{step:08d}"


def publish(states: States, root: Path, *steps: int) -> None:
    for step in steps:
        folder = written(root / "published", step)
        states.publish(folder, step, {"tokens_seen": step * 100})


def records(states: States) -> list[Record]:
    return [states.store.records.read(path) for path in states._paths()]


def steps(states: States) -> list[int]:
    return sorted(int(str(record.facts["step"])) for record in records(states))


def spent() -> float:
    """What all attempts have taken until now."""
    return 100.0


def harm(states: States, step: int) -> None:
    """Flip a byte of the state's weights in the store."""
    record = next(record for record in records(states) if record.facts["step"] == step)
    entry = next(entry for entry in record.files if entry.path == "adapter.safetensors")
    name = Blobs.name_of(entry.blobs[0].sha256)
    states.store.objects.write(name, b"\xff" + states.store.objects.read(name)[1:])


def refuse(*arguments: object) -> None:
    raise StoreUnreachable("the store gives no answer")
