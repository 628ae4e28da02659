"""What the server says of a pool whose machines are rented."""

from datetime import UTC, datetime

from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType, WorkPoolStatus

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
    return all(_is_planned(run, now) for run in runs)


def _is_planned(run: FlowRun, now: datetime) -> bool:
    """Whether a schedule has planned it for later."""
    due = run.expected_start_time
    return run.state is not None and run.state.is_scheduled() and due is not None and due > now


def is_served(pool: str) -> bool:
    """Whether a worker of a pool has sent a heartbeat of late."""
    with get_client(sync_client=True) as client:
        return client.read_work_pool(pool).status == WorkPoolStatus.READY
