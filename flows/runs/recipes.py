"""What the server and the store know of runs, each asked once: runs share deployments, recipes and artifacts."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import FlowRun
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from flows.runner.status import standing
from tasks.recipe import Recipe
from tasks.store.digests import sha256_of_json
from tasks.store.errors import StoreError
from tasks.store.records import Record
from tasks.store.store import Store

log = logging.getLogger(__name__)

PIPELINE = "leakage-premium"


@dataclass
class Known:
    """What has been read already.

    Args:
        client: Of the server.
        store: Where artifacts lie.
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
        """Records of a recipe's steps that stand in the store, by step."""
        if recipe is None:
            return {}
        key = sha256_of_json(recipe.identity())
        if key not in self.records:
            self.records[key] = self._read_records(recipe)
        return self.records[key]

    def _read_records(self, recipe: Recipe) -> dict[str, Record]:
        try:
            found = standing(recipe, self.store)
            return {step: self.store.record(ref) for step, ref in found.items() if ref}
        except StoreError as error:
            # One damaged record must not take the table of all other runs with it.
            log.warning("runs of recipe %s are shown without figures: %s", recipe.name, error)
            return {}

    def _read_deployment(self, deployment_id: UUID) -> tuple[str, Recipe | None]:
        try:
            deployment = self.client.read_deployment(deployment_id)
        except ObjectNotFound:
            return "deleted", None
        return f"{PIPELINE}/{deployment.name}", recipe_of(deployment.parameters)


def recipe_of(parameters: Mapping[str, object]) -> Recipe | None:
    """The recipe among a flow's parameters, unless it is one of another time that validates no more."""
    try:
        return Recipe.model_validate(parameters.get("recipe"))
    except ValidationError:
        return None
