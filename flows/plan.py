"""The plan of a recipe's run, as a table in the UI. It starts nothing."""

import logging
from typing import Any, cast

from prefect import flow
from prefect.artifacts import create_table_artifact
from pydantic import JsonValue

from flows.costs.outlook import forecasts
from flows.pipelines.registry import AnyRecipe, pipeline_of, row_of
from flows.runner.from_stage import MISSING, FromStage
from flows.runner.planner import plan_steps, plan_table
from flows.server.flow_runs import artifact_key
from flows.status import step_statuses
from tasks.common.errors import HindsightError
from tasks.store.store import Store, open_store

log = logging.getLogger(__name__)


@flow(name="plan", flow_run_name="plan {recipe.name}")
def plan(recipe: AnyRecipe, from_stage: FromStage = MISSING) -> str:
    """Show what a run would do: what exists, what would run, where, for how long. Starts nothing.

    Args:
        recipe: The recipe of the run to plan, of any pipeline.
        from_stage: `missing`, or the stage to run from, as in that pipeline.
    """
    store = open_store()
    rows = plan_rows(recipe, store, from_stage)
    for row in rows:
        log.info("%s", "  ".join(row.values()))
    table = cast(list[dict[str, Any]], rows)
    notes = plan_notes(recipe, store)
    description = " ".join([f"Plan of {recipe.name} on {store.url}. Nothing was started.", *notes])
    create_table_artifact(table=table, key=artifact_key("plan", recipe.name), description=description)
    return f"{rows[-1]['status']} steps would run"


def plan_notes(recipe: AnyRecipe, store: Store) -> list[str]:
    """Sentences to read beside the plan's rows."""
    statuses = step_statuses(pipeline_of(recipe), store)
    facts = {name: status.record.facts for name, status in statuses.items() if status.record}
    return list(row_of(recipe).notes(recipe, facts))


def plan_rows(recipe: AnyRecipe, store: Store, from_stage: str = MISSING) -> list[dict[str, str]]:
    """The plan of a recipe as rows of text. Before preflight has run, rented steps are estimated from the recipe alone.

    Raises:
        StageNotRun: If such a run would be refused.
        UnwritableStore: As for a run.
    """
    store.probe()
    pipeline = pipeline_of(recipe)
    steps = plan_steps(pipeline, store, from_stage)
    if any(step.pool != "cpu" and step.hours is None and step.status != "exists" for step in steps):
        try:
            found: dict[str, JsonValue] = {stage.step: stage.facts() for stage in row_of(recipe).forecast(recipe)}
            steps = plan_steps(pipeline, store, from_stage, forecasts({"forecast": found}))
        except HindsightError as error:
            log.warning("rented steps are not estimated: %s", error)
    return plan_table(steps)
