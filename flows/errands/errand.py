"""One stage that a parent wants run, here or on another pool."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from prefect.context import FlowRunContext, TaskRunContext

from flows.errands.tags import again_tag, artifact_tag
from tasks.settings import Frozen
from tasks.store.again import find_built
from tasks.store.refs import ArtifactRef, Plan
from tasks.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Errand:
    """One stage to be run.

    Args:
        step: Its name in the pipeline, such as `embed base`.
        deployment: Who runs it, such as `embed/h100`.
        plan: The artifact it shall leave in the store.
        run_name: What the UI calls the run.
        tags: What the UI filters by.
        again_for: The run that asks for the artifact to be built though it may stand; empty where none does.
        always: Sent though its artifact stands; the run itself then says whether it has succeeded.
    """

    step: str
    deployment: str
    plan: Plan
    run_name: str
    tags: tuple[str, ...] = ()
    always: bool = False
    again_for: str = ""

    @property
    def all_tags(self) -> list[str]:
        """Also what other parents and the run itself read."""
        again = [again_tag(self.again_for)] if self.again_for else []
        return [self.artifact_tag, *self.tags, *again]

    @property
    def artifact_tag(self) -> str:
        """By it any parent finds the run that builds this artifact."""
        return artifact_tag(self.plan)

    @property
    def pool(self) -> str:
        """The pool of its deployment."""
        return self.deployment.rpartition("/")[2]

    @property
    def arguments(self) -> dict[str, Frozen]:
        """The stage flow's arguments."""
        refs: Mapping[str, Frozen] = self.plan.inputs
        return {"config": self.plan.config, **refs}

    @property
    def parameters(self) -> dict[str, object]:
        """The same as JSON, for a run elsewhere."""
        return {name: part.model_dump(mode="json") for name, part in self.arguments.items()}


def find(errand: Errand, store: Store) -> ArtifactRef | None:
    """The artifact, if it stands and counts for who asks; whoever finds it says so.

    Raises:
        StoreError: If the store holds a damaged one.
    """
    if found := find_built(store, errand.plan, errand.again_for):
        log.info("%s: found in the store (%s)%s", errand.step, found.path, ", asked again" * errand.always)
    return found


def parent_id() -> UUID | None:
    """The flow run that sends errands from this process; None outside of one."""
    context = FlowRunContext.get()
    if context and context.flow_run:
        return context.flow_run.id
    task_context = TaskRunContext.get()
    return task_context.task_run.flow_run_id if task_context else None
