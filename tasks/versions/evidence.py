"""What a version was made from and what was shown of it: read from records and artifacts, never typed in."""

from collections.abc import Iterator

from tasks.schemas.direction import QUOTED, DirectionScores
from tasks.schemas.release import Release
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions.errors import NotReleasable
from tasks.versions.history import Evidence, Score

DATA = ("panel", "mix", "corpus")
"""Kinds of artifacts that say which data a version was trained from."""
FINAL = "final"
"""The released model's name among the models of an evaluation."""


def evidence_of(store: Store, ref: ArtifactRef) -> Evidence:
    """Collect a version's evidence.

    Args:
        store: Holds the artifact.
        ref: A Release, or the Checkpoint of an adapter.

    Raises:
        NotReleasable: If it is of another kind.
        StoreError: If its record, or one that it came from, is missing or damaged.
    """
    record = store.record(ref)
    if ref.kind == "release":
        return _of_release(store, record)
    if ref.kind == "train" and "base" in record.inputs:
        artifacts = {"adapter": ref, "base": record.inputs["base"]}
        return Evidence(artifacts=artifacts, data=dict(_data(store.lineage(ref))))
    raise NotReleasable(
        f"{ref.path} is of kind {ref.kind}; a version is a release, or the training of an adapter. "
        "`hindsight store ls release` lists releases."
    )


def _of_release(store: Store, record: Record) -> Evidence:
    release = Release.read(store.fetch(record.ref))
    adapter = record.inputs["dpo"]
    artifacts = {"release": record.ref, "export": release.export, "adapter": adapter}
    scores = DirectionScores.read(store.fetch(record.inputs["evaluate"]))
    return Evidence(
        artifacts=artifacts | {"base": store.record(adapter).inputs["base"]},
        data=dict(_data(store.lineage(record.ref))),
        gates=release.gates,
        scores=list(_scores(scores)),
    )


def _data(lineage: list[Record]) -> Iterator[tuple[str, ArtifactRef]]:
    """The last artifact of each kind of data, sources first."""
    for record in lineage:
        if record.kind in DATA:
            yield record.kind, record.ref


def _scores(scores: DirectionScores) -> Iterator[Score]:
    """The quoted split's figures of the released model, and its difference from each other language model."""
    if own := scores.models.get(FINAL):
        found = own.splits[QUOTED]
        for name, figure in (("accuracy", found.accuracy), ("brier", found.brier), ("net_bps", found.net_bps)):
            yield Score(name=name, point=figure.point, interval=figure.by_date, n_rows=found.n_rows)
    for each in scores.comparisons:
        if each.model == FINAL:
            name = f"accuracy less {each.reference}"
            yield Score(name=name, point=each.difference.point, interval=each.difference.by_date, n_rows=each.n_rows)
