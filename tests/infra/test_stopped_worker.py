"""The service of a worker is stopped and started, as `docker compose restart` does it, while a training runs."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun

from deployments.automations import register_automations
from deployments.pools import register_pools
from deployments.registration import make_bucket
from flows.runner.dispatcher import dispatch
from flows.runner.request import StageRequest
from flows.server.flow_runs import runs_tagged
from tasks.store.store import open_store
from tests.flows.stage_runs import lines_of, until
from tests.infra.compose_file import BASE
from tests.infra.demo_training import demo_spec, deployed
from tests.infra.installation import installation
from tests.infra.kube_stack import template_environment
from tests.waiting import GENEROUS_SECONDS

pytestmark = [pytest.mark.server, pytest.mark.trainer, pytest.mark.slow]


def runs_of(request: StageRequest) -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return sorted(runs_tagged(client, request.artifact_tag), key=lambda run: run.created)


def test_a_stopped_worker_has_its_training_publish_a_state_and_the_parents_next_run_goes_on_from_it(
    tmp_path: Path,
) -> None:
    with installation(tmp_path, BASE) as installed:
        installed.started.add("register")
        for service in ("server", "store"):
            installed.start(service)
        with installed.as_client(), ThreadPoolExecutor(1) as pool:
            make_bucket()
            register_pools()
            register_automations()
            installed.start("worker-gpu")
            request = deployed("stopped", demo_spec(), template_environment("h100"))
            # Prefect's settings are this thread's own.
            parent = pool.submit(copy_context().run, dispatch, request, store := open_store())
            until(lambda: "train: step" in " ".join(line for run in runs_of(request) for line in lines_of(run)))
            installed.stop("worker-gpu")
            assert store.find(request.spec) is None, "the training was on its way"
            installed.start("worker-gpu")
            published = parent.result(GENEROUS_SECONDS)
            assert [run.state_name for run in runs_of(request)] == ["Crashed", "Completed"]
            assert store.record(published).facts["resumed_from_step"] > 0
