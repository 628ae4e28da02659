"""Sweeps that the tests trigger, and how they read what came of them."""

import json
from dataclasses import dataclass
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.sorting import ArtifactSort
from prefect.deployments import run_deployment

from tasks.common.settings import project_root
from tasks.recipe import Recipe, load_recipe

CHEAP = {"premium.n_draws": 20, "premium.robust.n_draws": 40, "premium.robust.n_power_draws": 20}
MIXED = {
    "name": "mixed",
    "deployment": "leakage-premium/smoke",
    "variations": [
        {"name": "alpha-100", "settings": {**CHEAP, "premium.robust.alphas": [100.0]}},
        {"name": "cut-too-late", "settings": {**CHEAP, "premium.train_until": "2031-12-31"}},
        {"name": "alpha-1000", "settings": {**CHEAP, "premium.robust.alphas": [1000.0]}},
    ],
    "at_once": 3,
}
DOOMED = {
    "name": "doomed",
    "deployment": "leakage-premium/smoke",
    "grid": {"train.seed": [71, 72]},
    "at_once": 1,
}


@dataclass(frozen=True)
class Sweeps:
    """One that is cancelled, one of which a variation fails, and that one's retry."""

    doomed: FlowRun
    mixed: FlowRun
    runs_of_mixed: list[FlowRun]
    retried: FlowRun


def start(deployment: str, config: dict[str, Any] | None = None, *tags: str) -> FlowRun:
    parameters = {"config": config} if config else {}
    return run_deployment(deployment, parameters=parameters, tags=tags, timeout=0, as_subflow=False)


def runs_of(run: FlowRun) -> list[FlowRun]:
    """The parents that a sweep has sent."""
    with get_client(sync_client=True) as client:
        which = FlowRunFilter(tags=FlowRunFilterTags(all_=[f"sweep:{run.id}"]))
        return client.read_flow_runs(flow_run_filter=which)


def endings(runs: list[FlowRun]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for run in runs:
        found.setdefault(run.name, []).append(run.state_name or "")
    return found


def table(key: str) -> list[dict[str, str]]:
    with get_client(sync_client=True) as client:
        which = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        newest = client.read_artifacts(artifact_filter=which, sort=ArtifactSort.CREATED_DESC, limit=1)
    return json.loads(newest[0].data)


def recipe(name: str) -> Recipe:
    return load_recipe(project_root() / "configs" / f"{name}.yaml")


def varied(alpha: float) -> Recipe:
    """As the sweep `mixed` sets it."""
    plain = recipe("smoke")
    robust = plain.premium.robust.model_copy(update={"n_draws": 40, "n_power_draws": 20, "alphas": (alpha,)})
    return plain.model_copy(update={"premium": plain.premium.model_copy(update={"n_draws": 20, "robust": robust})})
