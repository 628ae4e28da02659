"""Deployments and records behind runs, each read once: many runs share deployments, recipes and artifacts."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import FlowRun
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.status import step_statuses
from tasks.recipe import Recipe
from tasks.store.digests import sha256_of_json
from tasks.store.errors import StoreError
from tasks.store.records import Record
from tasks.store.store import Store

log = logging.getLogger(__name__)

FLOW_NAME = "leakage-premium"


@dataclass
class RunSources:
    """Reads what a run is made of, and remembers it.

    Args:
        client: Of the server.
        store: Where artifacts are.
    """

    client: SyncPrefectClient
    store: Store
    deployments: dict[UUID, tuple[str, Recipe | None]] = field(default_factory=dict)
    records: dict[str, dict[str, Record]] = field(default_factory=dict)

    def deployment(self, run: FlowRun) -> tuple[str, Recipe | None]:
        """Name of a run's deployment, and the recipe it holds."""
        if run.deployment_id is None:
            return "", None
        if run.deployment_id not in self.deployments:
            self.deployments[run.deployment_id] = self._read_deployment(run.deployment_id)
        return self.deployments[run.deployment_id]

    def records_of(self, recipe: Recipe | None) -> dict[str, Record]:
        """Records of a recipe's artifacts that exist in the store, by step."""
        if recipe is None:
            return {}
        key = sha256_of_json(recipe.identity())
        if key not in self.records:
            self.records[key] = self._read_records(recipe)
        return self.records[key]

    def _read_records(self, recipe: Recipe) -> dict[str, Record]:
        try:
            found = step_statuses(leakage_premium_pipeline(recipe), self.store)
            return {name: status.record for name, status in found.items() if status.record}
        except StoreError as error:
            # One damaged record must not take the table of all other runs with it.
            log.warning("runs of recipe %s are shown without figures: %s", recipe.name, error)
            return {}

    def _read_deployment(self, deployment_id: UUID) -> tuple[str, Recipe | None]:
        try:
            deployment = self.client.read_deployment(deployment_id)
        except ObjectNotFound:
            return "deleted", None
        return f"{FLOW_NAME}/{deployment.name}", recipe_of(deployment.parameters)


def recipe_of(parameters: Mapping[str, object]) -> Recipe | None:
    """The recipe among a flow's parameters; None if it does not validate (of earlier settings)."""
    try:
        return Recipe.model_validate(parameters.get("recipe"))
    except ValidationError:
        return None
