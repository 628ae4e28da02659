"""Shows a run's report in the UI."""

from prefect import task
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.server.flow_runs import artifact_key
from tasks.schemas.artifacts import Report
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(task_run_name="show", cache_policy=NO_CACHE, persist_result=False)
def show(what: str, name: str, report: ArtifactRef) -> str:
    """Publish the headline figures and a link to the report as Prefect artifacts. Returns the page's path.

    Args:
        what: The figures' subject.
        name: The recipe's.
        report: The report.
    """
    folder = Report(open_store().fetch(report))
    key = artifact_key("premium", name)
    create_table_artifact(table=folder.table(), key=key, description=f"{what} of {name}: {report.path}")
    create_link_artifact(link=folder.page.as_uri(), link_text=f"Report of {name}", key=f"report-{key}")
    return str(folder.page)
