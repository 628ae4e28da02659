"""The Prefect tasks of the report stages: of a measure, of a direction check and of a release."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.rent.machines import losses
from tasks.report.config import ARTIFACT_TYPE, ReportConfig
from tasks.report.direction.config import ARTIFACT_TYPE as DIRECTION_REPORT
from tasks.report.direction.config import DirectionReportConfig
from tasks.report.release.config import ARTIFACT_TYPE as RELEASE_REPORT
from tasks.report.release.config import ReleaseReportConfig
from tasks.store.build import Facts, build
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store, open_store


@task(name="report", cache_policy=NO_CACHE)
def publish_report(
    config: ReportConfig,
    premium: ArtifactRef,
    preflight: ArtifactRef,
    corpus: ArtifactRef | None = None,
    recall: ArtifactRef | None = None,
) -> ArtifactRef:
    """Publish the report of a run's scores, unless the store has it.

    Args:
        config: Title, and whether the run is only a smoke test.
        premium: The PremiumScores to show.
        preflight: The checks that the run passed.
        corpus: The training corpus, whose ledger is shown; none in an audit.
        recall: Figures of the recall probes, where the run has them.

    Returns:
        Reference to a Report.
    """
    store = open_store()
    named = {"premium": premium, "preflight": preflight, "corpus": corpus, "recall": recall}
    inputs = {name: ref for name, ref in named.items() if ref}
    spec = ARTIFACT_TYPE.spec(config, inputs)

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.report.build import write_report

        records = lineage_of(store, spec)
        return write_report(config, inputs, records, folder, _losses(store, records))

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


@task(name="release_report", cache_policy=NO_CACHE)
def publish_release_report(
    config: ReleaseReportConfig,
    release: ArtifactRef,
    evaluate: ArtifactRef,
    mix: ArtifactRef,
    preflight: ArtifactRef,
    chat_rows: ArtifactRef,
    preference_rows: ArtifactRef,
) -> ArtifactRef:
    """Publish the page and the model card of a release, unless the store has them.

    Args:
        config: Title, names, and whether the run is only a smoke test.
        release: The Release to show.
        evaluate: The DirectionScores.
        mix: The Mix, whose counts are shown.
        preflight: The checks that the run passed.
        chat_rows: The tokenized conversations, of which the first are shown.
        preference_rows: The tokenized preference pairs.

    Returns:
        Reference to a Report.
    """
    store = open_store()
    inputs = {"release": release, "evaluate": evaluate, "mix": mix, "preflight": preflight}
    spec = RELEASE_REPORT.spec(config, inputs | {"chat_rows": chat_rows, "preference_rows": preference_rows})

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.report.release.build import write_release_report

        records = lineage_of(store, spec)
        return write_release_report(config, inputs, records, folder, _losses(store, records))

    return build(store, spec, make)


def _losses(store: Store, records: Sequence[Record]) -> list[str]:
    """What was lost on rented machines before these artifacts were made."""
    return losses(store, {record.ref.path for record in records})


def lineage_of(store: Store, spec: ArtifactSpec) -> list[Record]:
    """Everything that a page's inputs came from, sources first. The inputs share sources: each is listed once."""
    records = {record.ref: record for ref in spec.inputs.values() for record in store.lineage(ref)}
    return list(records.values())
