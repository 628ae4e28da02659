"""One stage that a parent wants run, here or on another pool."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from prefect.context import FlowRunContext, TaskRunContext

from flows.runner.tags import artifact_tag, rebuild_tag
from tasks.common.settings import Frozen
from tasks.store.rebuild import find_artifact
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StageRequest:
    """One stage to be run.

    Args:
        step: Its name in the pipeline, such as `embed base`.
        deployment: Who runs it, such as `embed/h100`.
        spec: The artifact it shall leave in the store.
        run_name: What the UI calls the run.
        tags: What the UI filters by.
        requested_by: The run that asks for the artifact to be built though it may stand; empty where none does.
        always: Sent though its artifact stands; the run itself then says whether it has succeeded.
    """

    step: str
    deployment: str
    spec: ArtifactSpec
    run_name: str
    tags: tuple[str, ...] = ()
    always: bool = False
    requested_by: str = ""

    @property
    def all_tags(self) -> list[str]:
        """Also what other parents and the run itself read."""
        again = [rebuild_tag(self.requested_by)] if self.requested_by else []
        return [self.artifact_tag, *self.tags, *again]

    @property
    def artifact_tag(self) -> str:
        """By it any parent finds the run that builds this artifact."""
        return artifact_tag(self.spec)

    @property
    def pool(self) -> str:
        """The pool of its deployment."""
        return self.deployment.rpartition("/")[2]

    @property
    def arguments(self) -> dict[str, Frozen]:
        """The stage flow's arguments."""
        refs: Mapping[str, Frozen] = self.spec.inputs
        return {"config": self.spec.config, **refs}

    @property
    def parameters(self) -> dict[str, object]:
        """The same as JSON, for a run elsewhere."""
        return {name: part.model_dump(mode="json") for name, part in self.arguments.items()}


def find(request: StageRequest, store: Store) -> ArtifactRef | None:
    """The artifact, if it stands and counts for who asks; whoever finds it says so.

    Raises:
        StoreError: If the store holds a damaged one.
    """
    if found := find_artifact(store, request.spec, request.requested_by):
        log.info("%s: found in the store (%s)%s", request.step, found.path, ", asked again" * request.always)
    return found


def parent_id() -> UUID | None:
    """The flow run that sends requests from this process; None outside of one."""
    context = FlowRunContext.get()
    if context and context.flow_run:
        return context.flow_run.id
    task_context = TaskRunContext.get()
    return task_context.task_run.flow_run_id if task_context else None
