"""The Prefect tasks of the two report stages: of a measure, and of a direction check."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.report.config import ARTIFACT_TYPE, ReportConfig
from tasks.report.direction.config import ARTIFACT_TYPE as DIRECTION_REPORT
from tasks.report.direction.config import DirectionReportConfig
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


@task(name="direction_report", cache_policy=NO_CACHE)
def publish_direction_report(config: DirectionReportConfig, evaluate: ArtifactRef) -> ArtifactRef:
    """Publish the report of a direction check, unless the store has it.

    Args:
        config: Title, and whether the run is only a smoke test.
        evaluate: The DirectionScores to show.

    Returns:
        Reference to a Report.
    """
    store = open_store()

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.report.direction.build import write_direction_report

        return write_direction_report(config, inputs, store.lineage(evaluate), folder)

    return build(store, DIRECTION_REPORT.spec(config, {"evaluate": evaluate}), make)
