"""The flow people trigger to score direction forecasts of currency pairs."""

from prefect import flow

from flows.pipelines.direction_check import direction_check_pipeline
from flows.runner.from_stage import MISSING, FromStage
from flows.runner.run import FLOW_OPTIONS, run_pipeline
from flows.runner.show import show
from tasks.direction_check import DirectionCheck


@flow(name="direction-check", flow_run_name="{recipe.name}", **FLOW_OPTIONS)
def direction_check(recipe: DirectionCheck, from_stage: FromStage = MISSING) -> str:
    """Score how often forecasts of a pair's direction are right, on splits that leak and on one that does not.

    Args:
        recipe: The pairs and their days, the hold-out, the models.
        from_stage: `missing` runs what the store lacks. A stage's name rebuilds that stage and all that is made from
            it, and refuses to start if anything before it has not run. Earlier artifacts are kept.
    """
    refs = run_pipeline(direction_check_pipeline(recipe), from_stage)
    return show("Direction check", recipe.name, refs["report"])
