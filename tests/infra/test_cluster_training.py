"""A training that is evicted from its pod goes on in the next one, and ends with the undisturbed training's bytes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.schemas import FlowRun
from prefect.deployments import run_deployment

from tasks.store.refs import ArtifactSpec
from tasks.store.store import Store
from tests.flows.stage_runs import finished, lines_of, until
from tests.infra.demo_training import demo_spec, deployed
from tests.infra.kube_stack import PATIENT, KubeStack, kube_stack, states, template_environment

pytestmark = [pytest.mark.server, pytest.mark.trainer, pytest.mark.slow]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeStack]:
    with kube_stack(tmp_path_factory.mktemp("kube"), ["h100"], PATIENT) as running:
        yield running


@pytest.fixture(scope="module")
def spec(stack: KubeStack) -> ArtifactSpec:
    return demo_spec()


def send(name: str, spec: ArtifactSpec, store: Path) -> FlowRun:
    request = deployed(name, spec, {**template_environment("h100"), "HINDSIGHT_STORE": str(store)})
    return run_deployment(request.deployment, parameters=request.parameters, timeout=0, as_subflow=False)


def test_an_evicted_training_publishes_a_state_and_goes_on_to_the_bit(
    stack: KubeStack, spec: ArtifactSpec, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(stack.store, tmp_path / "store"))
    run = send("evicted", spec, other)
    until(lambda: "train: step" in " ".join(lines_of(run)))
    (pod,) = stack.cluster.of_run("pods", run.id)
    stack.cluster.start(stack.cluster.pods.leave(pod))
    ended = finished(run)
    assert ended.state_name == "Completed", lines_of(ended)
    assert "AwaitingRetry" in states(run.id)
    assert len(stack.cluster.created("pods", run.id)) == 2
    undisturbed = finished(send("undisturbed", spec, stack.store))
    assert undisturbed.state_name == "Completed", lines_of(undisturbed)
    copied, plain = Store(str(other), tmp_path / "cache"), Store(str(stack.store), stack.folder / "cache")
    found, expected = copied.find(spec), plain.find(spec)
    assert copied.record(found).facts["resumed_from_step"] > 0, "the hook had a state written before its time"
    assert plain.record(expected).facts["resumed_from_step"] == 0
    assert found.digest == expected.digest
