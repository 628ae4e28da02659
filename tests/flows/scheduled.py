"""What tests ask the server of schedules, of the runs they plan and of the tables these leave."""

import json
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.sorting import ArtifactSort

WEEKLY, NIGHTLY = "store-audit/weekly", "nightly/new-prices"


def schedule_of(client: SyncPrefectClient, deployment: str) -> tuple[UUID, DeploymentSchedule]:
    found = client.read_deployment_by_name(deployment)
    (schedule,) = found.schedules
    return found.id, schedule


def runs_of(client: SyncPrefectClient, deployment_id: UUID) -> list[FlowRun]:
    return client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])))


def planned(client: SyncPrefectClient, deployment_id: UUID) -> list[FlowRun]:
    return [run for run in runs_of(client, deployment_id) if run.state and run.state.is_scheduled()]


def started_runs(client: SyncPrefectClient, deployment_id: UUID) -> list[FlowRun]:
    return [run for run in runs_of(client, deployment_id) if run.start_time]


def latest_table(client: SyncPrefectClient, key: str) -> list[dict[str, str]]:
    (newest, *_) = client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])), sort=ArtifactSort.CREATED_DESC
    )
    return json.loads(newest.data)
