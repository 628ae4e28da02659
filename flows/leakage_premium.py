"""The flow people trigger to measure a recipe: corpus to report."""

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.pipelines.leakage_premium import leakage_premium_pipeline
from flows.runner.from_stage import MISSING, FromStage
from flows.runner.run import FLOW_OPTIONS, run_pipeline
from flows.server.flow_runs import artifact_key
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Report
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@flow(name="leakage-premium", flow_run_name="{recipe.name}", **FLOW_OPTIONS)
def leakage_premium(recipe: Recipe, from_stage: FromStage = MISSING) -> str:
    """Measure how much knowledge of the future a recipe's training leaves in a model: corpus to report.

    Args:
        recipe: What to run. Fields left out keep the reference's settings.
        from_stage: `missing` runs what the store lacks. A stage's name rebuilds that stage and all that is made from
            it, and refuses to start if anything before it but preflight has not run. Earlier artifacts are kept.
    """
    refs = run_pipeline(leakage_premium_pipeline(recipe), from_stage)
    return show(recipe.name, refs["report"])


@task(task_run_name="show", cache_policy=NO_CACHE, persist_result=False)
def show(name: str, report: ArtifactRef) -> str:
    """Publish the headline figures and a link to the report as Prefect artifacts. Returns the page's path.

    Args:
        name: The recipe's.
        report: The report.
    """
    folder = Report(open_store().fetch(report))
    key = artifact_key("premium", name)
    create_table_artifact(table=folder.table(), key=key, description=f"Leakage premium of {name}: {report.path}")
    create_link_artifact(link=folder.page.as_uri(), link_text=f"Report of {name}", key=f"report-{key}")
    return str(folder.page)
