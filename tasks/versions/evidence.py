"""What a version was made from and what was shown of it: read from records and artifacts, never typed in."""

from collections.abc import Iterator

from tasks.schemas.direction import QUOTED, DirectionScores
from tasks.schemas.examples import Gate
from tasks.schemas.live import LOOK_KIND, GateFinding
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


def evidence_of(store: Store, ref: ArtifactRef, line: str) -> Evidence:
    """Collect a version's evidence.

    Args:
        store: Holds the artifact.
        ref: A Release, the Checkpoint of an adapter, or a live look at one.
        line: Of the version.

    Raises:
        NotReleasable: If it is of another kind, or a look at another line's candidate.
        StoreError: If its record, or one that it came from, is missing or damaged.
    """
    record = store.record(ref)
    if ref.kind == "release":
        return _of_release(store, record)
    if ref.kind == LOOK_KIND:
        return _of_look(store, record, line)
    if ref.kind == "train" and "base" in record.inputs:
        artifacts = {"adapter": ref, "base": record.inputs["base"]}
        return Evidence(artifacts=artifacts, data=dict(_data(store.lineage(ref))))
    raise NotReleasable(
        f"{ref.path} is of kind {ref.kind}; a version is a release, the training of an adapter, "
        "or a live look. "
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


def _of_look(store: Store, record: Record, line: str) -> Evidence:
    """Adapter and base of the candidate, the look, and what it found."""
    if (own := record.ref.label) != line:
        raise NotReleasable(
            f"{record.ref.path} is a look at a candidate of {own}, and cannot be a version of {line}: its verdict is "
            f"about the versions of {own}. Register it there, or register its adapter, {record.inputs['train'].path}."
        )
    found, adapter = GateFinding.model_validate(record.facts["finding"]), record.inputs["train"]
    trained, outcomes = store.record(adapter), record.inputs["outcomes"]
    decisive = next(own for own in found.scores if own.name == found.decided_by)
    gate = Gate(
        name=f"better than {record.facts['production']}",
        passed=found.verdict == "promote",
        value=f"{decisive.name} {decisive.difference:+.4f}, evidence {found.evidence:.3g}",
        bound=f"more than {found.margin:g} at level {found.level:.3g}",
    )
    data = {"outcomes": outcomes, "panel": store.record(outcomes).inputs["panel"]}
    if (mix := store.record(trained.inputs["corpus"]).inputs.get("mix")) is not None:
        data["mix"] = mix
    return Evidence(
        artifacts={"look": record.ref, "adapter": adapter, "base": trained.inputs["base"]},
        data=data,
        gates=[gate],
        scores=[
            Score(name=name, point=point, interval=interval, n_rows=found.n_rows)
            for own in found.scores
            for name, point, interval in (
                (own.name, own.candidate, None),
                (f"{own.name} less {record.facts['production']}", own.difference, own.interval),
            )
        ],
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
