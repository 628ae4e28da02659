"""What a store holds: its records by path, summaries of its artifacts, and the artifact that a path names."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from tasks.store.errors import ArtifactDamaged, ArtifactMissing, StoreError, StoreRefused, StoreUnreachable
from tasks.store.record_files import EARLIER
from tasks.store.records import RECORD_NAME, Record
from tasks.store.refs import ArtifactRef, Segment
from tasks.store.store import Store

LATEST = "latest"
_SEGMENT: TypeAdapter[str] = TypeAdapter(Segment)


class BadPath(StoreError):
    """A path does not have the form of an artifact's."""


def record_paths(store: Store, kind: str = "") -> Iterator[str]:
    """`kind/label/key` of every record in the store, or of one stage's, in name order."""
    return (path for path, _ in _written_records(store, f"{_segment(kind)}/" if kind else ""))


def newest_record_paths(store: Store, kind: str, label: str) -> list[str]:
    """`kind/label/key` of the records of one label, the last one written first, by the store's clock."""
    found = sorted(_written_records(store, f"{_segment(kind)}/{_segment(label)}/"), key=lambda each: each[1])
    return [path for path, _ in reversed(found)]


def _written_records(store: Store, prefix: str) -> Iterator[tuple[str, datetime]]:
    """Path of each record below a prefix, and when it was written."""
    for info in store.objects.list(prefix):
        *path, name = info.name.split("/")
        if len(path) == 3 and name == RECORD_NAME:
            yield "/".join(path), info.modified


def records(store: Store, kind: str = "") -> tuple[list[Record], list[str]]:
    """Every readable record, and an error message for each other one."""
    readable, unreadable = [], []
    for path in record_paths(store, kind):
        try:
            readable.append(store.records.read(path))
        except StoreError as error:
            unreadable.append(str(error))
        except FileNotFoundError:
            continue  # removed between the listing and now
    return readable, unreadable


def earlier_records(store: Store) -> Iterator[Record]:
    """Every record that a rebuild with other bytes replaced. Raises ArtifactDamaged if one cannot be read."""
    for info in store.objects.list(""):
        segments = info.name.split("/")
        if len(segments) == 5 and segments[3] == EARLIER:
            try:
                yield Record.model_validate_json(store.objects.read(info.name))
            except ValidationError as error:
                raise ArtifactDamaged(
                    f"{info.name} in {store.url} is not a valid record; remove it to give that artifact up."
                ) from error


@dataclass(frozen=True)
class ArtifactSummary:
    """The few fields of a record that an audit keeps in memory.

    Args:
        ref: Its reference.
        n_bytes: Of its distinct blobs: what reading it takes.
        sources: Paths of its inputs.
    """

    ref: ArtifactRef
    n_bytes: int
    sources: tuple[str, ...]


@dataclass(frozen=True)
class StoreSummary:
    """All artifacts of a store.

    Args:
        artifacts: In path order.
        unreadable: By path, the error message of a record that is cut, changed or of a newer version.
    """

    artifacts: tuple[ArtifactSummary, ...]
    unreadable: dict[str, str]

    @property
    def missing(self) -> dict[str, str]:
        """By path, an error message for each source of an artifact that has no record."""
        known = {artifact.ref.path for artifact in self.artifacts} | self.unreadable.keys()
        children = {source: each.ref.path for each in self.artifacts for source in each.sources if source not in known}
        return {
            path: f"artifact {path}, an input of {child}, is not in the store; rerun its stage to build it."
            for path, child in sorted(children.items())
        }


def summarize(store: Store) -> StoreSummary:
    """Read every record, one at a time. Raises StoreRefused or StoreUnreachable if the server cannot list or read."""
    artifacts: list[ArtifactSummary] = []
    unreadable: dict[str, str] = {}
    for path in record_paths(store):
        try:
            record = store.records.read(path)
        except FileNotFoundError:
            continue  # removed between the listing and now
        except (StoreRefused, StoreUnreachable):
            raise
        except (StoreError, OSError) as error:
            unreadable[path] = f"the record of {path} cannot be read: {error}"
        else:
            sources = tuple(source.path for source in record.inputs.values())
            artifacts.append(ArtifactSummary(record.ref, sum(record.blob_sizes.values()), sources))
    return StoreSummary(tuple(artifacts), unreadable)


def resolve(store: Store, path: str) -> ArtifactRef:
    """The artifact at `kind/label/key`, or the one that the hint `kind/label/latest` points to.

    Raises:
        BadPath: If the path has another form.
        ArtifactMissing: If there is no record, or nothing says which one is the latest.
        ArtifactDamaged: If the record is cut or changed.
    """
    return read_record(store, locate(store, path)).ref


def locate(store: Store, path: str) -> str:
    """`kind/label/key` of a path, in which the key may be `latest`.

    Raises:
        BadPath: If the path has another form.
        ArtifactMissing: If nothing says which artifact is the latest.
    """
    segments = path.strip("/").split("/")
    if len(segments) != 3:
        raise BadPath(f"{path!r} names no artifact; write kind/label/key or kind/label/{LATEST}, as `ls` lists it.")
    kind, label, key = map(_segment, segments)
    return f"{kind}/{label}/{_latest_key(store, f'{kind}/{label}') if key == LATEST else key}"


def read_record(store: Store, path: str) -> Record:
    """The record at `kind/label/key`.

    Raises:
        ArtifactMissing: If there is no record.
        ArtifactDamaged: If it is cut or changed.
    """
    try:
        return store.records.read(path)
    except FileNotFoundError as error:
        raise ArtifactMissing(
            f"no artifact {path} in {store.url}; `hindsight store ls {path.partition('/')[0]}` lists them."
        ) from error


def _latest_key(store: Store, folder: str) -> str:
    name = f"{folder}/{LATEST}.json"
    try:
        return _segment(str(json.loads(store.objects.read(name))["key"]))
    except FileNotFoundError as error:
        raise ArtifactMissing(f"no pointer {name} in {store.url}; `hindsight store ls` lists keys.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactMissing(f"pointer {name} in {store.url} has no key; give the key, as `ls` lists it.") from error


def _segment(text: str) -> str:
    try:
        return _SEGMENT.validate_python(text)
    except ValidationError as error:
        raise BadPath(f"{text!r} is not a segment of a store path; use letters, digits and ._+- only.") from error
