"""Cancelling a parent cancels the runs that no other parent waits for."""

import logging
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterTags
from prefect.client.schemas.objects import State
from prefect.states import Cancelling

from flows.server.flow_runs import read_all
from flows.server.tags import parent_tag, parents_among

log = logging.getLogger(__name__)


def cancel_children(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Cancel the runs this parent waits for, except those that another running parent waits for as well.

    Prefect itself cancels the runs that a cancelled parent sent. This also cancels runs it re-attached to, which an
    earlier parent had sent.

    Args:
        flow: The parent's flow; passed by Prefect.
        flow_run: The parent.
        state: Its state.
    """
    with get_client(sync_client=True) as client:
        for run in _alive(client, FlowRunFilter(tags=FlowRunFilterTags(all_=[parent_tag(flow_run.id)]))):
            if waiting_parents := _other_parents(client, run, flow_run.id):
                log.info("%s continues: %s waits for it too", run.name, waiting_parents[0].name)
                continue
            log.info("%s is cancelled with %s", run.name, flow_run.name)
            client.set_flow_run_state(
                run.id, Cancelling(message=f"{flow_run.name}, which waited for it, is cancelled.")
            )


def _other_parents(client: SyncPrefectClient, run: FlowRun, own: UUID) -> list[FlowRun]:
    ids = parents_among(run.tags) - {own}
    return _alive(client, FlowRunFilter(id=FlowRunFilterId(any_=sorted(ids)))) if ids else []


def _alive(client: SyncPrefectClient, which: FlowRunFilter) -> list[FlowRun]:
    return [
        run
        for run in read_all(client, which)
        if run.state is None or not (run.state.is_final() or run.state.is_cancelling())
    ]
