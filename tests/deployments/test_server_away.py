"""A server that was away for a while marks none that lives, and forgets none that died meanwhile."""

import time
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.deployments.killable_worker import deploy, kill_at_once, pid_of, start
from tests.flows.stage_runs import finished, until
from tests.local_stack import local_stack

pytestmark = [pytest.mark.server, pytest.mark.slow]

AWAY_SECONDS = 150.0
"""Longer than both looks together, so that every run is overdue when the server comes back."""


def test_after_two_minutes_and_a_half_without_a_server_the_living_run_completes_and_the_dead_one_is_marked(
    tmp_path: Path,
) -> None:
    with local_stack(tmp_path) as stack, temporary_settings(updates={PREFECT_API_URL: stack.api}):
        with get_client(sync_client=True) as client:
            living = start(deploy(client, "silent", "silent", "away", "cpu"), seconds=AWAY_SECONDS + 180)
            dead = start(deploy(client, "doomed", "doomed", "away", "h100"))
            until(lambda: _have_beaten(client, living, dead))
        kill_at_once([pid_of(stack, "server"), pid_of(stack, "worker-h100")])
        time.sleep(AWAY_SECONDS)
        assert stack.local("up").returncode == 0
        marked, ended = finished(dead, 200), finished(living, 300)
        assert marked.state is not None
        assert marked.state_type == StateType.CRASHED
        assert (marked.state.message or "").startswith("No heartbeat any more")
        assert ended.state_type == StateType.COMPLETED
        with get_client(sync_client=True) as client:
            assert "Crashed" not in [state.name for state in client.read_flow_run_states(living.id)]


def _have_beaten(client: SyncPrefectClient, *runs: FlowRun) -> bool:
    wanted = {"event": {"name": ["prefect.flow-run.heartbeat"]}, "order": "DESC"}
    page = client.request("POST", "/events/filter", json={"filter": wanted, "limit": 50}).json()
    beating = {event["resource"]["prefect.resource.id"] for event in page["events"]}
    return {f"prefect.flow-run.{run.id}" for run in runs} <= beating
