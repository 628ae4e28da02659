"""What a store holds, as little of it in memory as an audit needs: one record is read at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.store.catalogue import record_paths
from tasks.store.errors import StoreError, StoreRefused, StoreUnreachable
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store


@dataclass(frozen=True)
class Held:
    """An artifact as its record tells of it.

    Args:
        ref: Where it stands.
        n_bytes: Of its distinct blobs: what reading it takes.
        sources: Paths of the artifacts it came from.
    """

    ref: ArtifactRef
    n_bytes: int
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Holdings:
    """What the records of a store say.

    Args:
        artifacts: In path order.
        unreadable: By path, what is said of a record that is cut, changed or of a newer version.
    """

    artifacts: tuple[Held, ...]
    unreadable: dict[str, str]

    @property
    def missing(self) -> dict[str, str]:
        """By path, what is said of an artifact that others came from and that has no record."""
        standing = {held.ref.path for held in self.artifacts} | self.unreadable.keys()
        heirs = {source: held.ref.path for held in self.artifacts for source in held.sources if source not in standing}
        return {
            path: f"artifact {path}, which {heir} came from, is not in the store; run its stage again to have it built."
            for path, heir in sorted(heirs.items())
        }


def holdings(store: Store) -> Holdings:
    """Read every record.

    Raises:
        StoreRefused: If the server says no.
        StoreUnreachable: If it gives no whole answer.
    """
    artifacts: list[Held] = []
    unreadable: dict[str, str] = {}
    for path in record_paths(store):
        try:
            artifacts.append(_held(store.records.read(path)))
        except FileNotFoundError:
            continue  # removed between the listing and now
        except (StoreRefused, StoreUnreachable):
            raise
        except (StoreError, OSError) as error:
            unreadable[path] = f"the record of {path} cannot be read: {error}"
    return Holdings(tuple(artifacts), unreadable)


def _held(record: Record) -> Held:
    blobs = {blob.sha256: blob.size for entry in record.files for blob in entry.blobs}
    return Held(record.ref, sum(blobs.values()), tuple(source.path for source in record.inputs.values()))


def last_proofs(store: Store) -> dict[str, str]:
    """By path, the moment in the name of an artifact's newest receipt; none is read."""
    newest: dict[str, str] = {}
    for info in store.objects.list("receipts/"):
        _, *path, moment = info.name.split("/")
        newest["/".join(path)] = moment  # listed in name order, in which moments stand in order of time
    return newest


def in_turn(artifacts: Sequence[Held], proofs: dict[str, str]) -> list[Held]:
    """Whoever was never proved comes first, then the one whose proof is the oldest."""
    return sorted(artifacts, key=lambda held: (proofs.get(held.ref.path, ""), held.ref.path))
