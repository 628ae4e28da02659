"""Building an artifact again though it stands: one run asks for it, and it is done once for that run.

A retry of the run that asked finds what was rebuilt for it; the artifact that stood before is kept aside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tasks.store.refs import ArtifactRef, Plan
from tasks.store.store import Store

_ASKED: ContextVar[tuple[str, str]] = ContextVar("asked_again", default=("", ""))


@contextmanager
def built_again(plan: Plan, asker: str) -> Iterator[None]:
    """Within the block the plan's artifact counts only if it was built for this asker.

    Args:
        plan: What shall be built again; nothing else is.
        asker: Names the run that asked, the same at each of its retries; empty where nobody did.
    """
    token = _ASKED.set((plan.key, asker))
    try:
        yield
    finally:
        _ASKED.reset(token)


def asker_of(plan: Plan) -> str:
    """Who asked for this artifact to be built again; empty if nobody did."""
    key, asker = _ASKED.get()
    return asker if key == plan.key else ""


def find_built(store: Store, plan: Plan, asker: str) -> ArtifactRef | None:
    """The plan's artifact if it stands, is whole, and counts for who asks.

    Args:
        store: Where to look.
        plan: What is wanted.
        asker: As in `built_again`; empty for whichever stands.

    Raises:
        StoreError: As `Store.find`.
    """
    found = store.find(plan)
    if found and asker and store.records.read(plan.path).rebuilt_for != asker:
        return None
    return found
