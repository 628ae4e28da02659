"""A pool that no worker serves is named at the start of a run, with the way out."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPoolStatus

from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.runner.run import _check_pools
from flows.server.pools import check_pools
from tasks.common.settings import project_root
from tasks.recipe import load_recipe
from tasks.store.store import Store
from tests.flows.stage_runs import until
from tests.local_stack import Stack

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def workers_online(on_stack: Stack) -> None:
    """A worker counts from its first heartbeat, which may come after the stack says that it has started."""
    with get_client(sync_client=True) as client:
        for pool in ("cpu", "h100", "h100x8"):
            until(partial(_is_ready, client, pool))


def _is_ready(client: SyncPrefectClient, pool: str) -> bool:
    return client.read_work_pool(pool).status is WorkPoolStatus.READY


def test_pools_without_a_worker_paused_and_unknown_are_told_apart(on_stack: Stack) -> None:
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="nobody", type="process"))
        client.create_work_pool(WorkPoolCreate(name="paused", type="process"))
        client.update_work_pool("paused", WorkPoolUpdate(is_paused=True))
    assert check_pools(["cpu", "h100"]) == []
    assert check_pools(["paused", "nobody", "missing", "cpu"]) == [
        "pool missing is unknown to the server; register it: `python -m deployments.pools`",
        "pool nobody has no worker; start one on its machine: `prefect worker start --pool nobody`",
        "pool paused is paused; resume it: `prefect work-pool resume paused`",
    ]


def test_a_run_warns_once_per_pool_that_its_missing_artifacts_need(
    on_stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = leakage_premium_pipeline(load_recipe(project_root() / "configs" / "smoke.yaml"))
    moved = [replace(step, pool="missing") if step.stage in ("train", "merge") else step for step in pipeline.steps]
    # An empty store: every artifact is missing.
    store = Store(f"{on_stack.state}/empty-store", Path(on_stack.state) / "empty-cache")
    _check_pools(replace(pipeline, steps=tuple(moved)), store, ())
    assert [record.message for record in caplog.records if "pool" in record.message] == [
        "pool missing is unknown to the server; register it: `python -m deployments.pools`. Its stages will wait."
    ]
