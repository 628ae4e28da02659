"""Runs a pipeline on work pools: asks the store, sends each step to its pool, waits, and publishes what was spent."""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, wait
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.costs.budget import Budget
from flows.costs.outlook import forecasts
from flows.costs.spend import publish_spend
from flows.pipelines.pipeline import Pipeline, Step
from flows.runner.dispatcher import dispatch
from flows.runner.from_stage import MISSING, check_from_stage
from flows.runner.in_process import run_in_process, runs_in_process
from flows.runner.request import StageRequest
from flows.runs.publish import publish_after_run
from flows.server.cancellation import cancel_children
from flows.server.flow_runs import own_run_id
from flows.server.pools import check_pools
from flows.stages import STAGES
from flows.status import pool_of, spec_of, step_statuses
from tasks.common.logs import About, lines_about
from tasks.costs.hardware import current_pool
from tasks.rent.config import load_rent
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store

log = logging.getLogger(__name__)

FLOW_OPTIONS: dict[str, Any] = {
    # Steps only wait for their pools, so threads are enough. Prefect's runner is not typed as what its flow expects.
    "task_runner": cast(TaskRunner[PrefectFuture[Any]], ThreadPoolTaskRunner(max_workers=8)),
    "on_completion": [publish_after_run],
    "on_failure": [publish_after_run],
    "on_crashed": [publish_after_run],
    "on_cancellation": [cancel_children, publish_after_run],
}
"""Options of every flow that calls `run_pipeline`."""


def run_pipeline(pipeline: Pipeline, from_stage: str = MISSING) -> dict[str, ArtifactRef]:
    """Run the steps whose artifacts do not exist; call it in a flow with FLOW_OPTIONS.

    Args:
        pipeline: What to run.
        from_stage: A stage's name rebuilds that stage and all that is made from it.

    Returns:
        The artifact of each step, by the step's name.

    Raises:
        StageNotRun: If something before `from_stage` does not exist.
        BadPool: If a pool on a cluster has no worker, or pods without its GPUs.
        HindsightError: What the first failed step raised.
    """
    # Before anything is sent to a pool: its result can be kept.
    store = open_store()
    store.probe()
    check_from_stage(from_stage, pipeline, store)
    rebuilt = frozenset() if from_stage == MISSING else pipeline.stage_and_dependents(from_stage)
    _check_pools(pipeline, store, rebuilt)
    futures: dict[str, PrefectFuture[ArtifactRef]] = {}
    try:
        # Steps inherit it: a line of the runner's about a step is the parent's.
        with lines_about(About(str(own_run_id()))):
            _submit(pipeline, rebuilt, Budget.of(pipeline, store, rebuilt), futures)
        _raise_first_failure(list(futures.values()))
    except Exception:
        # A step that was let through before a limit stopped the run continues to its end; then the bill is complete.
        wait(list(futures.values()))
        publish_spend(pipeline, store, rebuilt)
        raise
    publish_spend(pipeline, store, rebuilt)
    return {name: future.result() for name, future in futures.items()}


def _check_pools(pipeline: Pipeline, store: Store, rebuilt: Collection[str]) -> None:
    """The steps before those of a pool that nobody serves may cost money."""
    needed = {
        pool_of(status.step)
        for status in step_statuses(pipeline, store).values()
        if status.record is None or status.step.name in rebuilt
    }
    rented = {pool.pool for pool in load_rent().pools}
    for reason in check_pools(needed - {current_pool()} - rented):
        log.warning("%s. Its stages will wait.", reason)
    for pool in sorted(needed & rented):
        log.info("pool %s: a machine is rented when its first stage is due", pool)


def _submit(
    pipeline: Pipeline, rebuilt: Collection[str], budget: Budget, futures: dict[str, PrefectFuture[ArtifactRef]]
) -> None:
    given = pipeline.known
    for step in pipeline.steps:
        budget.before(step.name, pool_of(step), [futures[name] for name in step.needs if name not in given])
        # Prefect replaces the futures among the inputs by their artifacts before the task's body runs.
        futures[step.name] = run_step.submit(
            step.name,
            pipeline,
            {name: given.get(name) or futures[name] for name in step.inputs.values()},
            rebuilt,
            return_state=False,
            wait_for=[futures[name] for name in step.after],
        )


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def run_step(
    name: str, pipeline: Pipeline, refs: Mapping[str, ArtifactRef], rebuilt: Collection[str] = ()
) -> ArtifactRef:
    """Find the step's artifact in the store, or have its deployment build it.

    Args:
        name: Of the step.
        pipeline: All steps.
        refs: Artifacts of the steps it takes as inputs, by those steps' names.
        rebuilt: Steps to rebuild although their artifacts exist.
    """
    store = open_store()
    step = next(step for step in pipeline.steps if step.name == name)
    request = stage_request(step, pipeline, refs, rebuilt, store)
    if runs_in_process(request):
        stage = STAGES[step.stage]
        return run_in_process(stage.flow, request, store, stage.uses_transformers)
    return dispatch(request, store)


def stage_request(
    step: Step, pipeline: Pipeline, refs: Mapping[str, ArtifactRef], rebuilt: Collection[str], store: Store
) -> StageRequest:
    """What a pool is asked to run for a step.

    Args:
        step: The step.
        pipeline: Names and tags the run.
        refs: Artifacts of the steps it takes as inputs, by those steps' names.
        rebuilt: Steps to rebuild although their artifacts exist.
        store: Says which of the steps in `rerun_until_built` have no artifact.
    """
    return StageRequest(
        step=step.name,
        deployment=f"{step.stage}/{pool_of(step)}",
        spec=spec_of(step, refs),
        run_name=f"{pipeline.name}: {step.name}",
        tags=(f"stage:{step.stage}", *pipeline.tags),
        requested_by=str(own_run_id()) if step.name in rebuilt else "",
        always=_must_run_anew(step, pipeline, rebuilt, store),
        n_retries=pipeline.limits.retries,
        is_pool_needed=lambda: pool_of(step) in unbuilt_pools(pipeline, store, rebuilt, step.name),
        planned_hours=lambda: planned_hours(pipeline, store, step.name),
    )


def unbuilt_pools(pipeline: Pipeline, store: Store, rebuilt: Collection[str], besides: str = "") -> set[str]:
    """Pools of the steps that a run has still to build.

    Args:
        pipeline: The run's.
        store: Where its artifacts are.
        rebuilt: Steps whose artifact counts only if it was rebuilt for this run.
        besides: A step that does not count.
    """
    statuses = step_statuses(pipeline, store, rebuilt, str(own_run_id()))
    return {pool_of(each.step) for name, each in statuses.items() if each.record is None and name != besides}


def planned_hours(pipeline: Pipeline, store: Store, step: str) -> float:
    """What a step may take at most by the forecast in the run's records (preflight's); 0 where there is none."""
    records = [status.record for status in step_statuses(pipeline, store).values() if status.record]
    found = [forecast.hours for record in records for name, forecast in forecasts(record.facts).items() if name == step]
    return max((hours[1] for hours in found if hours), default=0.0)


def _must_run_anew(step: Step, pipeline: Pipeline, rebuilt: Collection[str], store: Store) -> bool:
    if not step.rerun_until_built:
        return False
    statuses = step_statuses(pipeline, store)
    return any(name in rebuilt or statuses[name].record is None for name in step.rerun_until_built)


def _raise_first_failure(futures: Sequence[PrefectFuture[ArtifactRef]]) -> None:
    """Wait for all steps; raise the error of the first that failed. Those behind it report only that they never ran."""
    wait(list(futures))
    for future in futures:
        if future.state.is_failed() or future.state.is_crashed() or future.state.is_cancelled():
            future.result()
