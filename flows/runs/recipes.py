"""Deployments and records behind runs, each read once: many runs share deployments, recipes and artifacts."""

import logging
from dataclasses import dataclass, field
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import FlowRun
from prefect.exceptions import ObjectNotFound

from flows.pipelines.registry import AnyRecipe, pipeline_of, recipe_of
from flows.status import step_statuses
from tasks.store.digests import sha256_of_json
from tasks.store.errors import StoreError
from tasks.store.records import Record
from tasks.store.store import Store

log = logging.getLogger(__name__)


@dataclass
class RunSources:
    """Reads what a run is made of, and remembers it.

    Args:
        client: Of the server.
        store: Where artifacts are.
    """

    client: SyncPrefectClient
    store: Store
    deployments: dict[UUID, tuple[str, AnyRecipe | None]] = field(default_factory=dict)
    records: dict[str, dict[str, Record]] = field(default_factory=dict)

    def deployment(self, run: FlowRun) -> tuple[str, AnyRecipe | None]:
        """Name of a run's deployment, and the recipe it holds."""
        if run.deployment_id is None:
            return "", None
        if run.deployment_id not in self.deployments:
            self.deployments[run.deployment_id] = self._read_deployment(run.deployment_id)
        return self.deployments[run.deployment_id]

    def records_of(self, recipe: AnyRecipe | None) -> dict[str, Record]:
        """Records of a recipe's artifacts that exist in the store, by step."""
        if recipe is None:
            return {}
        key = sha256_of_json([recipe.pipeline, recipe.identity()])
        if key not in self.records:
            self.records[key] = self._read_records(recipe)
        return self.records[key]

    def _read_records(self, recipe: AnyRecipe) -> dict[str, Record]:
        try:
            found = step_statuses(pipeline_of(recipe), self.store)
            return {name: status.record for name, status in found.items() if status.record}
        except StoreError as error:
            # One damaged record must not take the table of all other runs with it.
            log.warning("runs of recipe %s are shown without figures: %s", recipe.name, error)
            return {}

    def _read_deployment(self, deployment_id: UUID) -> tuple[str, AnyRecipe | None]:
        try:
            deployment = self.client.read_deployment(deployment_id)
            flow = self.client.read_flow(deployment.flow_id)
        except ObjectNotFound:
            return "deleted", None
        return f"{flow.name}/{deployment.name}", recipe_of(deployment.parameters)
