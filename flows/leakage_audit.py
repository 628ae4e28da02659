"""The flow people trigger to audit models that exist already, on one panel."""

from prefect import flow

from flows.pipelines.leakage_audit import leakage_audit_pipeline
from flows.runner.from_stage import MISSING, FromStage
from flows.runner.run import FLOW_OPTIONS, run_pipeline
from flows.runner.show import show
from tasks.audit import Audit


@flow(name="leakage-audit", flow_run_name="{recipe.name}", **FLOW_OPTIONS)
def leakage_audit(recipe: Audit, from_stage: FromStage = MISSING) -> str:
    """Measure how much knowledge of the future each of several models has of a panel, on the same splits and draws.

    Args:
        recipe: The models, each with its knowledge cutoff, and the panel.
        from_stage: `missing` runs what the store lacks. A stage's name rebuilds that stage and all that is made from
            it, and refuses to start if anything before it but preflight has not run. Earlier artifacts are kept.
    """
    refs = run_pipeline(leakage_audit_pipeline(recipe), from_stage)
    return show("Leakage audit", recipe.name, refs["report"])
