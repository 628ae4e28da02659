"""Tags of flow runs: how runs of an artifact, of a parent and of a rebuild are found."""

from collections.abc import Iterable
from uuid import UUID

from tasks.store.refs import ArtifactSpec

ARTIFACT = "artifact:"
PARENT = "parent:"
REBUILD = "rebuild:"


def artifact_tag(spec: ArtifactSpec) -> str:
    """On every run that builds the artifact; also the name of its concurrency limit."""
    return f"{ARTIFACT}{spec.key}"


def is_stage_run(tags: Iterable[str]) -> bool:
    """Whether a run builds an artifact, and so has a machine that costs."""
    return any(tag.startswith(ARTIFACT) for tag in tags)


def parent_tag(run_id: UUID) -> str:
    """On every run a parent waits for, so that cancelling the parent reaches them."""
    return f"{PARENT}{run_id}"


def parents_among(tags: Iterable[str]) -> set[UUID]:
    """The parents that wait for a run."""
    return {UUID(tag.removeprefix(PARENT)) for tag in tags if tag.startswith(PARENT)}


def rebuild_tag(requested_by: str) -> str:
    """On a stage's run that rebuilds an existing artifact; names the run that requested it."""
    return f"{REBUILD}{requested_by}"


def requester_among(tags: Iterable[str]) -> str:
    """The run that requested a rebuild; empty if none did."""
    return next((tag.removeprefix(REBUILD) for tag in tags if tag.startswith(REBUILD)), "")
