"""The smoke run with each stage in a pod, and a training that is evicted: its checkpoint is the undisturbed one's."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.deployments import run_deployment

from flows import stages
from flows.runner.request import StageRequest
from tasks.common.settings import project_root
from tasks.recipe import load_recipe
from tasks.store.refs import ArtifactSpec
from tasks.store.store import Store
from tasks.train.config import ARTIFACT_TYPE as TRAIN
from tests.flows.stage_runs import find_report, finished, lines_of, runs_of_step, until
from tests.infra.kube_stack import KubeStack, kube_stack, states, template_environment
from tests.local_stack import deploy

pytestmark = [pytest.mark.server, pytest.mark.trainer, pytest.mark.slow]

SMOKE = load_recipe(project_root() / "configs" / "smoke.yaml")
PODS = {"train": "h100", "merge": "h100", "embed base": "h100", "embed trained": "h100"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeStack]:
    with kube_stack(tmp_path_factory.mktemp("kube"), ["cpu", "h100"], {}) as running:
        running.command("prefect", "--no-prompt", "deploy", "--all")
        yield running


@pytest.fixture(scope="module")
def smoke_run(stack: KubeStack) -> Store:
    run = run_deployment("leakage-premium/smoke", timeout=0, as_subflow=False)
    ended = finished(run)
    assert ended.state_name == "Completed", lines_of(ended)
    return Store(str(stack.store), stack.folder / "cache")


def training(store: Store) -> ArtifactSpec:
    """Four times the demo's steps, and states often enough that one is always new."""
    (record,) = [each for each in store.lineage(find_report(SMOKE, store)) if each.kind == "train"]
    update = {"seed": 77, "token_budget": 4 * SMOKE.train.token_budget, "checkpoint_minutes": 600.0}
    return TRAIN.spec(SMOKE.train.model_copy(update=update), record.inputs)


def test_every_stage_of_the_smoke_run_runs_once_in_a_pod_of_its_pool(stack: KubeStack, smoke_run: Store) -> None:
    for step, pool in PODS.items():
        (run,) = runs_of_step("smoke", step)
        assert run.work_pool_name == pool
        (pod,) = stack.cluster.created("pods", run.id)
        assert pod["metadata"]["labels"]["hindsight.pool"] == pool
    assert find_report(SMOKE, smoke_run)


def test_an_evicted_training_publishes_a_state_and_goes_on_to_the_bit(
    stack: KubeStack, smoke_run: Store, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(stack.store, tmp_path / "store"))
    spec = training(smoke_run)
    undisturbed = finished(send("train/h100", spec))
    assert undisturbed.state_name == "Completed", lines_of(undisturbed)
    deploy(stages.train, "evicted", "h100", {**template_environment("h100"), "HINDSIGHT_STORE": str(other)})
    run = send("train/evicted", spec)
    until(lambda: "train: step" in " ".join(lines_of(run)))
    (pod,) = stack.cluster.of_run("pods", run.id)
    stack.cluster.start(stack.cluster.pods.leave(pod))
    ended = finished(run)
    assert ended.state_name == "Completed", lines_of(ended)
    assert "AwaitingRetry" in states(run.id)
    assert len(stack.cluster.created("pods", run.id)) == 2
    copied = Store(str(other), tmp_path / "cache")
    found, expected = copied.find(spec), smoke_run.find(spec)
    assert copied.record(found).facts["resumed_from_step"] > 0, "states are hours apart: the hook had this one written"
    assert found.digest == expected.digest


def send(deployment: str, spec: ArtifactSpec):
    request = StageRequest("train", deployment, spec, "of this test")
    return run_deployment(deployment, parameters=request.parameters, timeout=0, as_subflow=False)
