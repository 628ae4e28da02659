"""The report stage's Prefect task."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.report.config import ARTIFACT_TYPE, ReportConfig
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="report", cache_policy=NO_CACHE)
def publish_report(
    config: ReportConfig, premium: ArtifactRef, preflight: ArtifactRef, corpus: ArtifactRef | None = None
) -> ArtifactRef:
    """Publish the report of a run's scores, unless the store has it.

    Args:
        config: Title, and whether the run is only a smoke test.
        premium: The PremiumScores to show.
        preflight: The checks that the run passed.
        corpus: The training corpus, whose ledger is shown; none in an audit.

    Returns:
        Reference to a Report.
    """
    store = open_store()
    inputs = {"premium": premium, "preflight": preflight, **({"corpus": corpus} if corpus else {})}
    spec = ARTIFACT_TYPE.spec(config, inputs)

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.report.build import write_report

        # The three inputs share sources: each artifact is listed once.
        records = {record.ref: record for ref in spec.inputs.values() for record in store.lineage(ref)}
        return write_report(config, inputs, list(records.values()), folder)

    return build(store, spec, make)
