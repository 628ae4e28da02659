"""Triggering stages on the stack and reading what their runs said."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName, LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import LogSort
from prefect.deployments import run_deployment

from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.status import find_result
from tasks.common.settings import project_root
from tasks.panel.config import ARTIFACT_TYPE, PanelConfig
from tasks.recipe import Recipe, load_recipe
from tasks.store.errors import ArtifactMissing
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store
from tests.local_stack import Stack
from tests.waiting import GENEROUS_SECONDS

T = TypeVar("T")


def find_report(recipe: Recipe, store: Store) -> ArtifactRef:
    """The report of a recipe that has run."""
    return find_result(leakage_premium_pipeline(recipe), store)


def panel_spec(seed: int) -> ArtifactSpec:
    """A panel nobody else asks for, built in a second."""
    return ARTIFACT_TYPE.spec(PanelConfig(n_stocks=3, dates_per_stock=60, seed=seed))


def have_run(stack: Stack, recipe: str) -> None:
    """Follow `leakage-premium/RECIPE` unless its report stands in the stack's store."""
    store = Store(str(stack.store), stack.state / "cache")
    try:
        find_report(load_recipe(project_root() / "configs" / f"{recipe}.yaml"), store)
    except ArtifactMissing:
        done = stack.local("follow", f"leakage-premium/{recipe}")
        assert done.returncode == 0, done.stdout + done.stderr


def trigger(deployment: str, spec: ArtifactSpec) -> FlowRun:
    """As a person does it: no tag, no idempotency key, no waiting."""
    parameters = {"config": spec.config.model_dump(mode="json")}
    return run_deployment(deployment, parameters=parameters, timeout=0, as_subflow=False)


def send(deployment: str, parameters: dict[str, object]) -> FlowRun:
    """The same beside a browser, whose event loop makes of `run_deployment` a coroutine that nobody awaits."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        return client.create_flow_run_from_deployment(found.id, parameters=parameters)


def deploy_again(deployment: str, name: str, pool: str, **changed: Any) -> str:
    """The same flow and code as a deployment, under another name. Gives `flow/name`.

    Args:
        deployment: `flow/name`.
        name: The new one.
        pool: Its work pool.
        changed: Other arguments of Prefect's `create_deployment`.
    """
    with get_client(sync_client=True) as client:
        plain = client.read_deployment_by_name(deployment)
        fields = {"flow_id": plain.flow_id, "entrypoint": plain.entrypoint, "pull_steps": plain.pull_steps}
        client.create_deployment(name=name, work_pool_name=pool, **{**fields, **changed})
    return f"{deployment.partition('/')[0]}/{name}"


def finished(run: FlowRun, seconds: float = GENEROUS_SECONDS) -> FlowRun:
    """The run when it has ended."""
    with get_client(sync_client=True) as client:

        def ended() -> FlowRun | None:
            now = client.read_flow_run(run.id)
            return now if now.state and now.state.is_final() else None

        return until(ended, seconds)


def state_of(run: FlowRun) -> StateType | None:
    """How it stands now."""
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run.id).state
    return state.type if state else None


def runs_of_step(recipe: str, step: str) -> list[FlowRun]:
    """The runs of a step such as `embed base` that parents of a recipe have started."""
    wanted = FlowRunFilter(name=FlowRunFilterName(any_=[f"{recipe}: {step}"]))
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=wanted)


def lines_of(run: FlowRun) -> list[str]:
    """What a run has handed over of its log so far."""
    with get_client(sync_client=True) as client:
        logs = client.read_logs(
            log_filter=LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])), sort=LogSort.TIMESTAMP_ASC
        )
    return [line.message for line in logs]


def until(question: Callable[[], T], seconds: float = GENEROUS_SECONDS) -> T:
    """Ask again until there is an answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.5)
    raise AssertionError(f"no answer within {seconds} s")
