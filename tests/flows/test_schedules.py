"""Schedules on a real server: off until switched on, fired by it, and the verification behind one of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentScheduleUpdate
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

from flows.store_audit import store_audit
from tasks.common.settings import project_root
from tasks.store.audit import AuditConfig
from tasks.store.findings import StoreNotWhole
from tasks.store.forget import forget
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import open_store
from tests.flows.scheduled import NIGHTLY, WEEKLY, latest_table, planned, runs_of, schedule_of, started_runs
from tests.flows.stage_runs import finished, lines_of, until
from tests.local_stack import Stack
from tests.store.small_artifact import SmallConfig

pytestmark = pytest.mark.server

KIND = "verified"
"""A kind of no stage: what is audited here belongs to these tests alone."""
EVERY_SUNDAY = CronSchedule(cron="0 3 * * 0", timezone="UTC")


@pytest.fixture
def client(on_stack: Stack) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


def prefect(stack: Stack, *arguments: str) -> str:
    """The command line, as a person uses it from a checkout. Returns what it said."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": stack.api,
        "PREFECT_HOME": str(stack.state / "prefect"),
        "HINDSIGHT_ROOT": str(project_root()),
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=project_root(),
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def artifacts(on_stack: Stack, tmp_path: Path) -> Iterator[list[ArtifactRef]]:
    """Two small artifacts that only these tests know."""
    store, refs = open_store(), []
    (tmp_path / "made").mkdir()
    for size in (1, 2):
        (tmp_path / "made" / "letters.txt").write_text("x" * size)
        refs.append(store.publish(ArtifactSpec(KIND, "letters", 1, SmallConfig(size=size)), tmp_path / "made", {}, 1.0))
    yield refs
    for ref in refs:
        forget(store, ref)


def test_both_are_registered_and_switched_off(client: SyncPrefectClient) -> None:
    for deployment, cron in ((WEEKLY, "0 3 * * 0"), (NIGHTLY, "0 2 * * 2-6")):
        deployment_id, schedule = schedule_of(client, deployment)
        assert (schedule.active, schedule.schedule.cron, schedule.schedule.timezone) == (False, cron, "UTC")
        assert not planned(client, deployment_id)


def test_a_deploy_leaves_a_schedule_as_a_person_has_switched_it(on_stack: Stack, client: SyncPrefectClient) -> None:
    deployment_id, schedule = schedule_of(client, NIGHTLY)
    prefect(on_stack, "deployment", "schedule", "resume", NIGHTLY, str(schedule.id))
    prefect(on_stack, "--no-prompt", "deploy", "-n", "new-prices")
    assert schedule_of(client, NIGHTLY)[1].active
    _change(client, deployment_id, schedule.id, active=False)
    own = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 5 * * *"), active=False)
    client.create_deployment_schedules(deployment_id, [own])
    said = prefect(on_stack, "--no-prompt", "deploy", "-n", "new-prices")
    assert f"this deploy removes the schedule (cron='0 5 * * *' timezone=None day_or=True) of {NIGHTLY}" in said
    assert not schedule_of(client, NIGHTLY)[1].active
    assert client.read_deployment_by_name(NIGHTLY).parameters == {"deployment": "leakage-premium/fineweb-2017-26-lora"}
    assert not planned(client, deployment_id)


@pytest.fixture
def fired(client: SyncPrefectClient, artifacts: list[ArtifactRef]) -> Iterator[FlowRun]:
    """The first run that the weekly schedule makes by itself, once it is on and comes due every half minute."""
    deployment_id, schedule = schedule_of(client, WEEKLY)
    before = {run.id for run in runs_of(client, deployment_id)}
    soon = IntervalSchedule(
        interval=timedelta(seconds=30), anchor_date=datetime.now(UTC) + timedelta(seconds=12), timezone="UTC"
    )
    _change(client, deployment_id, schedule.id, schedule=soon, active=True, parameters={"config": {"kind": KIND}})
    try:
        # The server looks at deployments that were just changed every 5 s, at all others every 60.
        client._client.patch(f"/deployments/{deployment_id}", json={"tags": ["store-audit"]}).raise_for_status()
        yield until(lambda: next((run for run in started_runs(client, deployment_id) if run.id not in before), None))
    finally:
        _change(client, deployment_id, schedule.id, schedule=EVERY_SUNDAY, active=False)
        for run in planned(client, deployment_id):
            client.delete_flow_run(run.id)


def _change(client: SyncPrefectClient, deployment_id: UUID, schedule_id: UUID, **changes: object) -> None:
    """As the UI does it."""
    update = DeploymentScheduleUpdate(**changes).model_dump(mode="json", exclude_unset=True)
    client._client.patch(f"/deployments/{deployment_id}/schedules/{schedule_id}", json=update).raise_for_status()


def test_a_schedule_that_is_switched_on_fires_and_the_store_is_read_again(
    fired: FlowRun, client: SyncPrefectClient, artifacts: list[ArtifactRef]
) -> None:
    _, schedule = schedule_of(client, WEEKLY)
    assert fired.auto_scheduled
    assert (fired.created_by.type, fired.created_by.id) == ("SCHEDULE", schedule.id)
    done = finished(fired)
    assert done.state.is_completed(), done.state.message
    table = latest_table(client, "store-audit")
    assert {row["artifact"]: row["verdict"] for row in table} == {ref.path: "whole" for ref in artifacts}
    assert {row["message"] for row in table} <= {info.name for info in open_store().objects.list("receipts/")}
    # A run hands its log over in batches, the last one after its end.
    assert until(lambda: any("audit: 2 of 2 artifacts" in line for line in lines_of(done)))


def test_after_it_was_switched_off_nothing_is_planned_any_more(client: SyncPrefectClient) -> None:
    deployment_id, schedule = schedule_of(client, WEEKLY)
    assert (schedule.active, schedule.schedule.cron) == (False, EVERY_SUNDAY.cron)
    assert not planned(client, deployment_id)


def test_a_damaged_blob_fails_the_verification_with_its_name_after_all_were_read(
    client: SyncPrefectClient, artifacts: list[ArtifactRef]
) -> None:
    store, (damaged, whole) = open_store(), artifacts
    (name,) = store.blobs.names_of(store.record(damaged))
    content = store.objects.read(name)
    store.objects.write(name, b"y" * len(content))
    try:
        with pytest.raises(StoreNotWhole, match=rf"^1 artifacts of .* are not whole: {damaged.path} \(damaged\)"):
            store_audit(AuditConfig(kind=KIND))
    finally:
        store.objects.write(name, content)
    verdicts = {row["artifact"]: row["verdict"] for row in latest_table(client, "store-audit")}
    assert verdicts == {damaged.path: "damaged", whole.path: "whole"}
    assert "none wrong" in store_audit(AuditConfig(kind=KIND))
