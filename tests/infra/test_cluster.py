"""Runs on a pretended cluster: to the end, with an image that cannot be pulled, evicted, out of memory, lost, pending.

Server, workers and observers are the real ones; only the cluster is not: tests/infra/kubernetes_api.py.
"""

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.objects import StateType, WorkPoolStatus
from prefect.deployments import run_deployment
from prefect.states import Cancelling

from deployments.pools import POOLS_DIR, OtherPoolType, register
from flows.runner.dispatcher import StageFailed, dispatch
from flows.server.flow_runs import runs_tagged
from flows.server.pools import BadPool, check_pools
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tests.flows import gated
from tests.flows.gated import GateConfig
from tests.flows.live_processes import processes_of
from tests.flows.stage_runs import finished, lines_of, until
from tests.infra.kube_stack import KubeStack, kube_stack, states, template_environment
from tests.infra.pods import container_status
from tests.local_stack import deploy
from tests.waiting import GENEROUS_SECONDS

pytestmark = pytest.mark.server

WITHIN = {"hindsight: image, second look": 20.0, "hindsight: pod pending, first look": 120.0}
PULLING = {"reason": "ImagePullBackOff", "message": "Back-off pulling image example.org/gone:1"}
IMAGE_PULL = {"phase": "Pending", "containerStatuses": [container_status(waiting=PULLING)]}
NO_NODE = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
        }
    ],
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeStack]:
    with kube_stack(tmp_path_factory.mktemp("kube"), ["cpu"], WITHIN) as running:
        deploy(gated.gated, "test", variables=template_environment("cpu"))
        yield running


@pytest.fixture
def gate(tmp_path: Path, request: pytest.FixtureRequest) -> GateConfig:
    return GateConfig(
        folder=str(tmp_path),
        name=re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-").replace("_", "-")[:100],
    )


@contextmanager
def dispatched(gate: GateConfig, stack: KubeStack) -> Iterator[Future[ArtifactRef]]:
    """A stage as its parent sends it, with one retry after an error that can pass."""
    wanted = replace(gated.request(gate), n_retries=1)
    with ThreadPoolExecutor(1) as pool:
        # Prefect's settings are this thread's own.
        yield pool.submit(copy_context().run, dispatch, wanted, Store(str(stack.store), stack.folder / "cache"))


def runs_of(gate: GateConfig) -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return runs_tagged(client, gated.request(gate).artifact_tag)


def start(gate: GateConfig) -> FlowRun:
    return run_deployment("gated/test", parameters={"config": gate.model_dump()}, timeout=0, as_subflow=False)


def start_and_wait(gate: GateConfig) -> FlowRun:
    run = start(gate)
    until(gate.starts.exists)
    return run


def n_starts(gate: GateConfig) -> int:
    return len(gate.starts.read_text().splitlines())


def test_a_run_is_a_job_of_one_pod_and_comes_to_its_end(stack: KubeStack, gate: GateConfig) -> None:
    gate.gate.touch()
    ended = finished(start(gate))
    assert ended.state_name == "Completed", lines_of(ended)
    (job,) = stack.cluster.of_run("jobs", ended.id)
    (pod,) = stack.cluster.of_run("pods", ended.id)
    assert ended.infrastructure_pid == f"hindsight:{job['metadata']['name']}"
    until(lambda: job["status"].get("succeeded") == 1)
    assert (pod["status"]["phase"], n_starts(gate)) == ("Succeeded", 1)
    assert "InfrastructurePending" in states(ended.id), "the observer says that the pod waits"


def test_an_evicted_run_is_handed_back_and_runs_again_as_the_same_run(stack: KubeStack, gate: GateConfig) -> None:
    run = start_and_wait(gate)
    (pod,) = stack.cluster.of_run("pods", run.id)
    stack.cluster.start(stack.cluster.pods.leave(pod))
    until(lambda: n_starts(gate) == 2)
    assert processes_of(pod["metadata"]["uid"]) == [], "the first pod is gone before the second one's work begins"
    gate.gate.touch()
    ended = finished(run)
    assert ended.state_name == "Completed", lines_of(ended)
    seen = states(run.id)
    assert "AwaitingRetry" in seen
    assert "Crashed" not in seen
    assert len(stack.cluster.created("jobs", run.id)) == len(stack.cluster.created("pods", run.id)) == 2


def test_a_pool_nobody_serves_and_one_of_another_type_are_refused_in_a_sentence(stack: KubeStack) -> None:
    with get_client(sync_client=True) as client:
        until(lambda: client.read_work_pool("cpu").status is WorkPoolStatus.READY)
    assert check_pools({"cpu"}) == []
    with pytest.raises(BadPool, match=r"^pool h100 has no worker online; "):
        check_pools({"cpu", "h100"})
    with pytest.raises(OtherPoolType, match="pool cpu is of type kubernetes on this server, not process"):
        register(json.loads((POOLS_DIR / "cpu.json").read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("reason", ["NodePressure", "Drain"])
def test_a_stage_evicted_while_its_parent_waits_is_one_run_with_two_pods(
    stack: KubeStack, gate: GateConfig, reason: str
) -> None:
    """A drained pod is deleted; one that a node under pressure evicts stays, Failed, for the observer to see."""
    with dispatched(gate, stack) as parent:
        until(gate.starts.exists)
        (pod,) = stack.cluster.of_run("pods", runs_of(gate)[0].id)
        status = {"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
        stack.cluster.start(stack.cluster.pods.leave(pod, status if reason == "NodePressure" else None))
        until(lambda: n_starts(gate) == 2)
        gate.gate.touch()
        assert parent.result(GENEROUS_SECONDS).kind == "gated"
    (run,) = runs_of(gate)
    assert "Crashed" not in states(run.id)
    assert n_starts(gate) == 2


@pytest.mark.slow
def test_a_run_out_of_memory_is_crashed_with_the_reason_and_its_parent_sends_another(
    stack: KubeStack, gate: GateConfig
) -> None:
    with dispatched(gate, stack) as parent:
        until(gate.starts.exists)
        (pod,) = stack.cluster.of_run("pods", runs_of(gate)[0].id)
        stack.cluster.pods.kill(pod, "OOMKilled")
        until(lambda: n_starts(gate) == 2)
        gate.gate.touch()
        assert parent.result(GENEROUS_SECONDS).kind == "gated"
    killed, second = sorted(runs_of(gate), key=lambda run: run.created)
    assert (killed.state_name, second.state_name) == ("Crashed", "Completed")
    assert "OOMKilled" in " ".join(lines_of(killed))
    assert [len(stack.cluster.created("pods", run.id)) for run in (killed, second)] == [1, 1]


@pytest.mark.slow
def test_a_run_whose_node_is_lost_is_crashed_by_its_missing_heartbeats(stack: KubeStack, gate: GateConfig) -> None:
    run = start_and_wait(gate)
    (pod,) = stack.cluster.of_run("pods", run.id)
    stack.cluster.pods.kill(pod, "lost")
    ended = finished(run, 300)
    assert ended.state_name == "Crashed"
    assert ended.state.message.startswith("No heartbeat any more")
    assert len(stack.cluster.created("pods", run.id)) == 1


@pytest.mark.slow
def test_a_cancelled_run_ends_with_its_processes_and_is_not_started_again(stack: KubeStack, gate: GateConfig) -> None:
    run = start_and_wait(gate)
    (pod,) = stack.cluster.of_run("pods", run.id)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Cancelling())
    assert finished(run, 300).state_name == "Cancelled"
    until(lambda: not processes_of(pod["metadata"]["uid"]), 60)
    assert n_starts(gate) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "reason"),
    [(IMAGE_PULL, "Back-off pulling image example.org/gone:1"), (NO_NODE, "3 Insufficient nvidia.com/gpu")],
    ids=["an image that cannot be pulled", "no node for ever"],
)
def test_a_pod_that_cannot_start_ends_its_run_with_the_reason_and_never_starts_later(
    stack: KubeStack, gate: GateConfig, status: dict[str, Any], reason: str
) -> None:
    stack.cluster.hold_pods(**status)
    try:
        with dispatched(gate, stack) as parent:
            error = parent.exception(GENEROUS_SECONDS)
        assert isinstance(error, StageFailed)
        assert "Its pod could not start" in str(error)
        (run,) = runs_of(gate)
        assert run.state_type is StateType.CANCELLED
        assert reason in " ".join(lines_of(run))
        until(lambda: stack.cluster.of_run("jobs", run.id) == [])
    finally:
        stack.cluster.let_pods_start()
    assert len(stack.cluster.created("jobs", run.id)) == 1
    assert not gate.starts.exists()
