"""Live updates on a server: one at a time, missed slots skipped, and a failure that production does not notice."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import StateType

from tasks.store.store import open_store
from tasks.versions.history import read_history
from tests.flows.scheduled import latest_table, planned, runs_of, schedule_of
from tests.flows.stage_runs import finished, send, state_of, until
from tests.live.small_live import LINE, prepared, recipe, write_outcomes
from tests.local_stack import Stack
from tests.waiting import GENEROUS_SECONDS

pytestmark = pytest.mark.server

UPDATE, WATCH = "live-update/live-forex-smoke", "live-watch/live-forex-smoke"


@pytest.fixture
def client(on_stack: Stack) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def desk(on_stack: Stack, tmp_path: Path) -> Path:
    """The small line in the stack's store, and a table of outcomes for it."""
    shutil.copytree(prepared(), on_stack.store, dirs_exist_ok=True)
    return write_outcomes(tmp_path / "desk", ("2026-05-01", 0.01))


def states() -> dict[str, str]:
    return {name: own.state for name, own in read_history(open_store().objects, LINE).versions.items()}


def test_a_second_update_is_skipped_not_queued_and_a_failure_leaves_production(desk: Path) -> None:
    short = recipe(desk, name="too-short", align={"sequence_length": 16})
    first = send(UPDATE, {"recipe": short.model_dump(mode="json", exclude_unset=True)})
    until(lambda: state_of(first) is StateType.RUNNING)
    second = finished(send(UPDATE, {}))
    assert second.state is not None
    assert (second.state.name, second.state.message) == ("Cancelled", "Deployment concurrency limit reached.")
    failed = finished(first, 2 * GENEROUS_SECONDS)
    assert failed.state is not None
    assert failed.state_type is StateType.FAILED
    assert "have more than sequence_length=16 tokens" in str(failed.state.message)
    assert states() == {"v1": "production"}


def test_slots_that_nobody_started_in_time_end_as_skipped(client: SyncPrefectClient) -> None:
    deployment_id, schedule = schedule_of(client, UPDATE)
    assert (schedule.active, schedule.schedule.cron) == (False, "0 */4 * * *")
    before, now = {run.id for run in runs_of(client, deployment_id)}, datetime.now(UTC)
    path = f"/deployments/{deployment_id}"
    client._client.patch(f"{path}/schedules/{schedule.id}", json={"active": True}).raise_for_status()
    try:
        # As the server had planned them before it, or its worker, was away for a day.
        past = {
            "start_time": (now - timedelta(hours=24)).isoformat(),
            "end_time": (now - timedelta(hours=5)).isoformat(),
        }
        client._client.post(f"{path}/schedule", json=past | {"min_runs": 4}).raise_for_status()
        missed = [
            run for run in runs_of(client, deployment_id) if run.id not in before and run.expected_start_time < now
        ]
        assert len(missed) >= 4
        ended = [finished(run, 2 * GENEROUS_SECONDS) for run in missed]
    finally:
        client._client.patch(f"{path}/schedules/{schedule.id}", json={"active": False}).raise_for_status()
        for run in planned(client, deployment_id):
            client.delete_flow_run(run.id)
    names = [run.state.name for run in ended if run.state]
    # Those that came up while another one said so were cancelled by the server.
    assert set(names) <= {"Skipped", "Cancelled"}
    assert "Skipped" in names
    skipped = next(run for run in ended if run.state and run.state.name == "Skipped")
    assert "UTC is skipped: it is" in str(skipped.state.message)
    assert str(skipped.state.message).endswith("nothing is made up for.")


def test_the_watch_shows_the_line_and_starts_an_update_that_is_due(desk: Path, client: SyncPrefectClient) -> None:
    watched = recipe(desk, name="watched", trigger={"n_outcomes": 10}, deployment=UPDATE)
    run = finished(send(WATCH, {"recipe": watched.model_dump(mode="json", exclude_unset=True)}))
    assert run.state is not None
    assert run.state.name == "Watching", run.state.message
    assert "no swap to watch" in str(run.state.message)
    assert [row["version"] for row in latest_table(client, f"versions-{LINE}")] == ["v1"]
    assert latest_table(client, f"looks-{LINE}") == []
    by_count = FlowRunFilter(tags=FlowRunFilterTags(all_=["by-count"]))
    (started,) = until(lambda: client.read_flow_runs(flow_run_filter=by_count))
    # The deployment's own line has no release in this store.
    assert "no versions of 'forex-smoke'" in str(finished(started).state.message)
