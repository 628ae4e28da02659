"""What stands in a store: its records by path, and the artifact a person names."""

import json
from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from tasks.store.errors import ArtifactDamaged, ArtifactMissing, StoreError
from tasks.store.record_files import ASIDE
from tasks.store.records import RECORD_NAME, Record
from tasks.store.refs import ArtifactRef, Segment
from tasks.store.store import Store

LATEST = "latest"
_SEGMENT: TypeAdapter[str] = TypeAdapter(Segment)


class BadPath(StoreError):
    """What was given is no `kind/label/key` and no `kind/label/latest`."""


def record_paths(store: Store, kind: str = "") -> Iterator[str]:
    """`kind/label/key` of every record that stands in the store, in name order.

    Args:
        store: Where to look.
        kind: Only this room's.
    """
    for info in store.objects.list(f"{_segment(kind)}/" if kind else ""):
        *path, name = info.name.split("/")
        if len(path) == 3 and name == RECORD_NAME:
            yield "/".join(path)


def records(store: Store, kind: str = "") -> tuple[list[Record], list[str]]:
    """Every record that can be read, and a sentence for each that cannot."""
    readable, unreadable = [], []
    for path in record_paths(store, kind):
        try:
            readable.append(store.records.read(path))
        except StoreError as error:
            unreadable.append(str(error))
        except FileNotFoundError:
            continue  # removed between the listing and now
    return readable, unreadable


def set_aside(store: Store) -> Iterator[Record]:
    """Every record that stood before its artifact was built again with other bytes.

    Raises:
        ArtifactDamaged: If one of them cannot be read.
    """
    for info in store.objects.list(""):
        parts = info.name.split("/")
        if len(parts) == 5 and parts[3] == ASIDE:
            try:
                yield Record.model_validate_json(store.objects.read(info.name))
            except ValidationError as error:
                raise ArtifactDamaged(
                    f"{info.name} in {store.url} is no whole record; remove it to give that artifact up."
                ) from error


def resolve(store: Store, path: str) -> ArtifactRef:
    """The artifact at `kind/label/key`, or the one `kind/label/latest` points to.

    The pointer is a hint: the record it leads to says what the artifact is.

    Raises:
        BadPath: If the path has another form.
        ArtifactMissing: If no record stands there.
        ArtifactDamaged: If the record is cut or changed.
    """
    parts = path.strip("/").split("/")
    if len(parts) != 3:
        raise BadPath(f"{path!r} names no artifact; write kind/label/key or kind/label/{LATEST}, as `ls` shows them.")
    kind, label, key = map(_segment, parts)
    if key == LATEST:
        key = _latest_key(store, f"{kind}/{label}")
    where = f"{kind}/{label}/{key}"
    try:
        return store.records.read(where).ref
    except FileNotFoundError as error:
        raise ArtifactMissing(
            f"no artifact {where} in {store.url}; `python -m tasks.store ls {kind}` shows."
        ) from error


def _latest_key(store: Store, folder: str) -> str:
    name = f"{folder}/{LATEST}.json"
    try:
        return _segment(str(json.loads(store.objects.read(name))["key"]))
    except FileNotFoundError as error:
        raise ArtifactMissing(f"no pointer {name} in {store.url}; `python -m tasks.store ls` shows keys.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactMissing(f"pointer {name} in {store.url} names no key; give the key, as `ls` shows it.") from error


def _segment(part: str) -> str:
    try:
        return _SEGMENT.validate_python(part)
    except ValidationError as error:
        raise BadPath(f"{part!r} is no part of a store path; parts hold letters, digits and ._+- alone.") from error
