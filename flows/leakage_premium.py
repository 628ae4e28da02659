"""The flow people trigger: it asks the store, sends each stage to its pool, waits, and shows the result."""

from collections.abc import Sequence
from typing import Any, cast

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, wait
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.costs.budget import Budget
from flows.costs.spend import publish_spend
from flows.pipelines.leakage_premium import leakage_premium_steps
from flows.runner.cancellation import cancel_children
from flows.runner.dispatcher import dispatch
from flows.runner.from_stage import FromStage, refuse_a_gap, steps_from
from flows.runner.in_process import belongs_here, run_here
from flows.runner.request import StageRequest, parent_id
from flows.runner.routing import deployment_of
from flows.runner.table import stage_name, stage_of
from flows.runs.table import at_the_end
from tasks.common.settings import Config
from tasks.preflight.artifact import missing_trainings
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Report
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(task_run_name="{step}", cache_policy=NO_CACHE, persist_result=False)
def run_stage(
    step: str, recipe: Recipe, config: Config, inputs: dict[str, ArtifactRef], from_stage: FromStage = "missing"
) -> ArtifactRef:
    """Find the step's artifact in the store, or have its deployment build it.

    Args:
        step: Which step of the pipeline.
        recipe: Names the run and the pools.
        config: The room's config.
        inputs: What goes in, by the room's names.
        from_stage: As in `leakage_premium`.
    """
    again = steps_from(from_stage, recipe)
    request = StageRequest(
        step=step,
        deployment=deployment_of(step, recipe),
        spec=stage_of(step).room.spec(config, inputs),
        run_name=f"{recipe.name}: {step}",
        tags=(
            f"stage:{stage_name(step)}",
            f"recipe:{recipe.name}",
            f"arm:{recipe.train.arm.kind}",
            f"cutoff:{recipe.corpus.cutoff}",
        ),
        requested_by=str(parent_id()) if step in again else "",
        # What was free and at hand when it passed may be so no more; where all is trained nothing is left to refuse.
        always=stage_name(step) == "preflight"
        and ("train" in again or bool(missing_trainings(recipe, inputs, open_store()))),
    )
    store = open_store()
    return run_here(stage_of(step).flow, request, store) if belongs_here(request) else dispatch(request, store)


@task(task_run_name="show", cache_policy=NO_CACHE, persist_result=False)
def show(recipe: Recipe, report: ArtifactRef) -> str:
    """Put the headline figures and the way to the report into Prefect's artifacts. Returns the page's path."""
    folder = Report(open_store().fetch(report))
    key = f"premium-{recipe.name}".replace(".", "-").replace("_", "-")
    create_table_artifact(table=folder.table(), key=key, description=f"Leakage premium of {recipe.name}: {report.path}")
    create_link_artifact(link=folder.page.as_uri(), link_text=f"Report of {recipe.name}", key=f"report-{key}")
    return str(folder.page)


# Steps only wait for their pools, so that threads serve. Prefect's runner is not typed as the kind its flow asks for.
STEPS_AT_ONCE = cast(TaskRunner[PrefectFuture[Any]], ThreadPoolTaskRunner(max_workers=8))


@flow(
    name="leakage-premium",
    flow_run_name="{recipe.name}",
    task_runner=STEPS_AT_ONCE,
    on_completion=[at_the_end],
    on_failure=[at_the_end],
    on_crashed=[at_the_end],
    on_cancellation=[cancel_children, at_the_end],
)
def leakage_premium(recipe: Recipe, from_stage: FromStage = "missing") -> str:
    """Measure how much hindsight a recipe's training leaves in a model: corpus to report.

    Args:
        recipe: What to run. Unsaid fields keep the reference's settings.
        from_stage: `missing` runs what the store lacks. A stage's name runs that stage and all that is made from it
            again, and refuses to start if anything before it but preflight has not run. What stood is kept aside.
    """
    # Nothing is sent to a pool before it is known that its result can be kept.
    store = open_store()
    store.probe()
    refuse_a_gap(from_stage, recipe, store)

    again = steps_from(from_stage, recipe)
    budget = Budget.of(recipe, store, again)
    steps: list[PrefectFuture[ArtifactRef]] = []

    def run(step: str, config: Config, *, after: Sequence[Any] = (), **inputs: Any) -> PrefectFuture[ArtifactRef]:
        budget.before(step, deployment_of(step, recipe), (*inputs.values(), *after))
        # Prefect replaces the futures among the inputs by their artifacts before the task's body runs.
        arguments = {"step": step, "recipe": recipe, "config": config, "inputs": inputs, "from_stage": from_stage}
        steps.append(run_stage.submit(**arguments, return_state=False, wait_for=after))
        return steps[-1]

    try:
        report = leakage_premium_steps(recipe, run)
        _raise_first_failure(steps)
        page = show(recipe, report.result())
    except Exception:
        # What runs when nobody raises the limit goes on to its end; then the bill is complete.
        wait(steps)
        publish_spend(recipe, store, again)
        raise
    publish_spend(recipe, store, again)
    return page


def _raise_first_failure(steps: Sequence[PrefectFuture[ArtifactRef]]) -> None:
    """Wait for every step; raise what the first failed one raised, for those behind it only say that they never ran."""
    for step in steps:
        step.wait()
    for step in steps:
        if step.state.is_failed() or step.state.is_crashed() or step.state.is_cancelled():
            step.result()
