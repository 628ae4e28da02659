"""What the server says of a pool whose machines are rented."""

from datetime import UTC, datetime

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType, WorkPoolStatus
from prefect.exceptions import ObjectNotFound

from flows.server.flow_runs import is_planned, retry_on_outage
from tasks.rent.errors import RentError

SWEEP = "rent-sweep/every-ten-minutes"

ALIVE = [
    StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING,
]  # fmt: skip


def is_idle(pool: str) -> bool:
    """Whether no run of a pool is at work or due. Raises if the server does not answer: that is no idleness."""
    states = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=ALIVE)))
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_run_filter=states, work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
        )
    now = datetime.now(UTC)
    return all(is_planned(run, now) for run in runs)


def is_served(pool: str) -> bool:
    """Whether a worker of a pool has sent a heartbeat of late."""
    with get_client(sync_client=True) as client:
        return client.read_work_pool(pool).status == WorkPoolStatus.READY


def switch_sweep_on() -> None:
    """Switch the sweep's schedule on, so that nothing is rented without one.

    Raises:
        RentError: If the server has no sweep.
    """
    with get_client(sync_client=True) as client:
        try:
            deployment = retry_on_outage(lambda: client.read_deployment_by_name(SWEEP), SWEEP)
        except ObjectNotFound as error:
            raise RentError(
                f"the server has no deployment {SWEEP}, which stops forgotten machines, so nothing is rented; deploy "
                "it: `prefect deploy --all`."
            ) from error
        for schedule in deployment.schedules:
            if not schedule.active:
                client.update_deployment_schedule(deployment.id, schedule.id, active=True)
