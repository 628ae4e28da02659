"""The flow people trigger to measure a recipe: corpus to report."""

from prefect import flow

from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.runner.from_stage import MISSING, FromStage
from flows.runner.run import FLOW_OPTIONS, run_pipeline
from flows.runner.show import show
from tasks.recipe import Recipe


@flow(name="leakage-premium", flow_run_name="{recipe.name}", **FLOW_OPTIONS)
def leakage_premium(recipe: Recipe, from_stage: FromStage = MISSING) -> str:
    """Measure how much knowledge of the future a recipe's training leaves in a model: corpus to report.

    Args:
        recipe: What to run. Fields left out keep the reference's settings.
        from_stage: `missing` runs what the store lacks. A stage's name rebuilds that stage and all that is made from
            it, and refuses to start if anything before it but preflight has not run. Earlier artifacts are kept.
    """
    refs = run_pipeline(leakage_premium_pipeline(recipe), from_stage)
    return show("Leakage premium", recipe.name, refs["report"])
