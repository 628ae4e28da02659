"""The smoke run on a pretended cluster: each stage that its recipe sends to another pool runs in a pod of that pool."""

from collections.abc import Iterator

import pytest
from prefect.deployments import run_deployment

from tasks.common.settings import project_root
from tasks.recipe import load_recipe
from tasks.store.store import Store
from tests.flows.stage_runs import find_report, finished, lines_of, runs_of_step
from tests.infra.kube_stack import PATIENT, KubeStack, kube_stack

pytestmark = [pytest.mark.server, pytest.mark.trainer, pytest.mark.slow]

SENT = {"train": "h100", "merge": "h100", "embed base": "h100", "embed trained": "h100"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeStack]:
    with kube_stack(tmp_path_factory.mktemp("kube"), ["cpu", "h100"], PATIENT) as running:
        # Those of prefect.yaml that the run needs; all of them take minutes.
        running.command("prefect", "--no-prompt", "deploy", "--name", "smoke", "--name", "h100")
        yield running


def test_every_stage_of_the_smoke_run_runs_once_in_a_pod_of_its_pool(stack: KubeStack) -> None:
    run = run_deployment("leakage-premium/smoke", timeout=0, as_subflow=False)
    ended = finished(run)
    assert ended.state_name == "Completed", lines_of(ended)
    assert len(stack.cluster.created("pods", run.id)) == 1
    for step, pool in SENT.items():
        (sent,) = runs_of_step("smoke", step)
        assert sent.work_pool_name == pool
        (pod,) = stack.cluster.created("pods", sent.id)
        assert pod["metadata"]["labels"]["hindsight.pool"] == pool
    recipe = load_recipe(project_root() / "configs" / "smoke.yaml")
    assert find_report(recipe, Store(str(stack.store), stack.folder / "cache"))
