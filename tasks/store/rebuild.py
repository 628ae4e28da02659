"""Building an artifact again though it stands: one run asks for it, and it is done once for that run.

A retry of the run that asked finds what was rebuilt for it; the artifact that stood before is kept aside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store

_ASKED: ContextVar[tuple[str, str]] = ContextVar("asked_again", default=("", ""))


@contextmanager
def rebuild_for(spec: ArtifactSpec, requested_by: str) -> Iterator[None]:
    """Within the block the spec's artifact counts only if it was built for this requested_by.

    Args:
        spec: What shall be built again; nothing else is.
        requested_by: Names the run that asked, the same at each of its retries; empty where nobody did.
    """
    token = _ASKED.set((spec.key, requested_by))
    try:
        yield
    finally:
        _ASKED.reset(token)


def requester_of(spec: ArtifactSpec) -> str:
    """Who asked for this artifact to be built again; empty if nobody did."""
    key, requested_by = _ASKED.get()
    return requested_by if key == spec.key else ""


def find_artifact(store: Store, spec: ArtifactSpec, requested_by: str) -> ArtifactRef | None:
    """The spec's artifact if it stands, is whole, and counts for who asks.

    Args:
        store: Where to look.
        spec: What is wanted.
        requested_by: As in `rebuild_for`; empty for whichever stands.

    Raises:
        StoreError: As `Store.find`.
    """
    found = store.find(spec)
    if found and requested_by and store.records.read(spec.path).requested_by != requested_by:
        return None
    return found
