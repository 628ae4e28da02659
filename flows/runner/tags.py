"""What runs are found by, and what their tags tell them."""

from collections.abc import Iterable
from uuid import UUID

from tasks.store.refs import ArtifactSpec

PARENT = "parent:"
AGAIN = "again:"


def artifact_tag(spec: ArtifactSpec) -> str:
    """The name of the artifact's limit, and the tag of the runs that build it."""
    return f"artifact:{spec.key}"


def parent_tag(run_id: UUID) -> str:
    """Stands on every run that a parent waits for, so that its cancel reaches them."""
    return f"{PARENT}{run_id}"


def parents_among(tags: Iterable[str]) -> set[UUID]:
    """The parents that wait for a run."""
    return {UUID(tag.removeprefix(PARENT)) for tag in tags if tag.startswith(PARENT)}


def rebuild_tag(requested_by: str) -> str:
    """Tells a stage's run that its artifact is to be built again, and for whom."""
    return f"{AGAIN}{requested_by}"


def requester_among(tags: Iterable[str]) -> str:
    """Who asked for a run's artifact to be built again; empty if nobody did."""
    return next((tag.removeprefix(AGAIN) for tag in tags if tag.startswith(AGAIN)), "")
