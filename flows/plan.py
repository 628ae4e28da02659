"""The plan of a run as a table in the UI. It starts nothing."""

import logging
from typing import Any, cast

from prefect import flow
from prefect.artifacts import create_table_artifact

from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.runner.from_stage import MISSING, FromStage
from flows.runner.plan import plan as plan_of
from flows.runner.plan import plan_table
from flows.server.runs import artifact_key
from tasks.recipe import Recipe
from tasks.store.store import open_store

log = logging.getLogger(__name__)


@flow(name="plan", flow_run_name="plan {recipe.name}")
def plan(recipe: Recipe, from_stage: FromStage = MISSING) -> str:
    """Show what a run of leakage-premium would do: what exists, what would run, where, for how long. Starts nothing.

    Args:
        recipe: What would run.
        from_stage: As for a run.
    """
    store = open_store()
    rows = plan_table(plan_of(leakage_premium_pipeline(recipe), store, from_stage))
    for row in rows:
        log.info("%s", "  ".join(row.values()))
    table = cast(list[dict[str, Any]], rows)
    description = f"Plan of {recipe.name} on {store.url}. Nothing was started."
    create_table_artifact(table=table, key=artifact_key("plan", recipe.name), description=description)
    return f"{rows[-1]['status']} steps would run"
