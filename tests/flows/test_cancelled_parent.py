"""Cancelling a parent ends its stage with every process; a training on two ranks is in the slow test_cancel.py."""

from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.deployments import run_deployment
from prefect.states import Cancelling

from flows.server.cancellation import cancel_children
from tests.flows.gated import GateConfig, gated, step
from tests.flows.live_processes import processes_of
from tests.flows.stage_runs import finished, until
from tests.local_stack import Stack, deploy

pytestmark = pytest.mark.server

NAME = "cancelled"
SENT = f"test: gated {NAME}"


@flow(name="cancelled-parent", on_cancellation=[cancel_children])
def cancelled_parent(config: GateConfig) -> None:
    """A parent of one stage, with the pipelines' own hook."""
    step.submit(config).result()


def test_a_cancelled_parents_stage_is_cancelled_and_no_process_of_either_lives_on(
    on_stack: Stack, tmp_path: Path
) -> None:
    config = GateConfig(folder=str(tmp_path), name=NAME)
    deploy(gated, "test")
    deploy(cancelled_parent, "test")
    parameters = {"config": config.model_dump(mode="json")}
    parent = run_deployment("cancelled-parent/test", parameters=parameters, timeout=0, as_subflow=False)
    until(config.starts.exists)
    with get_client(sync_client=True) as client:
        (sent,) = client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=[SENT])))
        assert processes_of(parent.id)
        assert processes_of(sent.id)
        client.set_flow_run_state(parent.id, Cancelling())
    assert (finished(parent).state_name, finished(sent).state_name) == ("Cancelled", "Cancelled")
    until(lambda: not processes_of(parent.id) + processes_of(sent.id))
    assert config.starts.read_text() == "started\n"
