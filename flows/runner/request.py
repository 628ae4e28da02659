"""A request to run one stage, in this process or on another pool."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from flows.server.arguments import stage_arguments
from flows.server.tags import artifact_tag, rebuild_tag
from flows.stages import STAGES
from tasks.store.rebuild import find_artifact
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StageRequest:
    """One stage to run.

    Args:
        step: Its name in the pipeline, such as `embed base`.
        deployment: What runs it, such as `embed/h100`.
        spec: The artifact it must leave in the store.
        run_name: Of the run in the UI.
        tags: What the UI filters by.
        always: Run although the artifact exists; the run's own state then says whether it succeeded.
        requested_by: The run that requests a rebuild of an existing artifact; empty if none does.
        n_retries: How often it is sent again after an error that can pass.
        is_pool_needed: Whether the parent has more for the pool, so that its rented machine stays after this stage.
        planned_hours: What the stage may take at most; 0 where nobody knows.
    """

    step: str
    deployment: str
    spec: ArtifactSpec
    run_name: str
    tags: tuple[str, ...] = ()
    always: bool = False
    requested_by: str = ""
    n_retries: int = 0
    is_pool_needed: Callable[[], bool] = lambda: False
    planned_hours: Callable[[], float] = lambda: 0.0

    @property
    def all_tags(self) -> list[str]:
        """With the tags that other parents and the run itself read."""
        return [self.artifact_tag, *self.tags, *self.rebuild_tags]

    @property
    def rebuild_tags(self) -> list[str]:
        """The tag of a rebuild, if this is one."""
        return [rebuild_tag(self.requested_by)] if self.requested_by else []

    @property
    def artifact_tag(self) -> str:
        """How any parent finds the run that builds this artifact."""
        return artifact_tag(self.spec)

    @property
    def pool(self) -> str:
        """The deployment's pool."""
        return self.deployment.rpartition("/")[2]

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the stage's flow; a deployment that is none of the project's stages takes each input by name."""
        stage = STAGES.get(self.spec.kind)
        if stage is None:
            return {"config": self.spec.config, **self.spec.inputs}
        return stage_arguments(stage.publish.fn, self.spec.config, self.spec.inputs)

    @property
    def parameters(self) -> dict[str, object]:
        """The arguments as JSON, for a run in another process."""
        parameters: dict[str, object] = TypeAdapter(dict[str, Any]).dump_python(self.arguments, mode="json")
        return parameters


def find(request: StageRequest, store: Store) -> ArtifactRef | None:
    """The requested artifact, if it exists and counts for the requester. Logs the hit.

    Raises:
        StoreError: If the store holds a damaged one.
    """
    if found := find_artifact(store, request.spec, request.requested_by):
        log.info("%s: found in the store (%s)%s", request.step, found.path, ", checked anew" * request.always)
    return found
