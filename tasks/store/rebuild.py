"""Requests to rebuild an existing artifact: one run requests it, and it is done once for that run.

A retry of that run finds what was rebuilt for it; the earlier artifact is kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store

_REQUEST: ContextVar[tuple[str, str]] = ContextVar("hindsight_rebuild", default=("", ""))


@contextmanager
def rebuild_for(spec: ArtifactSpec, requested_by: str) -> Iterator[None]:
    """Within the block the spec's artifact counts only if it was built for this run.

    Args:
        spec: What to rebuild; other artifacts are not affected.
        requested_by: Names the run, the same at each of its retries; empty for no request.
    """
    token = _REQUEST.set((spec.key, requested_by))
    try:
        yield
    finally:
        _REQUEST.reset(token)


def requester_of(spec: ArtifactSpec) -> str:
    """The run that requested a rebuild of this artifact; empty if none did."""
    key, requested_by = _REQUEST.get()
    return requested_by if key == spec.key else ""


def find_artifact(store: Store, spec: ArtifactSpec, requested_by: str) -> ArtifactRef | None:
    """The spec's artifact if it exists, is whole, and counts for the run that wants it.

    Args:
        store: Where to look.
        spec: What is wanted.
        requested_by: As in `rebuild_for`; empty accepts any build.

    Raises:
        StoreError: As `Store.find`.
    """
    found = store.find(spec)
    if found and requested_by and store.records.read(spec.path).requested_by != requested_by:
        return None
    return found
