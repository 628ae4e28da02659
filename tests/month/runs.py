"""Runs of a month by the state they are in."""

from collections.abc import Collection

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType

from flows.rent.pool import ALIVE

ASKED_FOR = ("team-run", "slot")
"""Flows that people and schedules start; the runs that a parent sends may crash, and are sent again."""
UNSUCCESSFUL = [StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]


def runs_in(
    client: SyncPrefectClient, states: Collection[StateType], flows: Collection[str] = ASKED_FOR
) -> list[FlowRun]:
    """The first 200 of them."""
    in_state = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))))
    return client.read_flow_runs(
        flow_run_filter=in_state, flow_filter=FlowFilter(name=FlowFilterName(any_=list(flows)))
    )


def alive(client: SyncPrefectClient) -> list[FlowRun]:
    """Runs that have not ended, stages' among them."""
    return runs_in(client, ALIVE, (*ASKED_FOR, "sleep"))
