"""The store and the disks: whether they answer, and whether what will come has room."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tasks.common.settings import state_dir
from tasks.preflight.checks.inputs import attempt, said_bytes, told
from tasks.preflight.checks.planned_run import Subject
from tasks.schemas.artifacts import Check
from tasks.store.store import Store
from tasks.train.estimates.memory import N_STATES

FLOAT32_BYTES = 4


def store_round_trip(store: Store) -> Check:
    """Whether the store takes bytes and gives them back."""
    return attempt("store round trip", "64 bytes come back unchanged", store.probe, "unchanged")


def machine_checks(subject: Subject, store: Store) -> Iterator[Check]:
    """ArtifactType in the store and on disks, and what opens doors."""
    in_store, here = _to_store(subject), _to_disk(subject)
    # A folder on the same file system takes its bytes from the same free ones.
    both = "://" not in store.url and _file_system(Path(store.url)) == _file_system(state_dir())
    yield _store_room(subject, store, in_store, here if both else 0)
    yield _local_disk(here, in_store if both else 0)
    if subject.rents:
        yield _rented_disk(subject)
    yield _credentials(store)


def _to_store(subject: Subject) -> int:
    embedded = FLOAT32_BYTES * subject.n_panel_rows * subject.sizes.hidden * (1 + subject.recipe.embed.undated)
    per_run = subject.output_bytes + subject.merged_bytes + embedded
    return N_STATES * subject.state_bytes + subject.n_runs * per_run + embedded


def _store_room(subject: Subject, store: Store, needed: int, beside: int) -> Check:
    states = said_bytes(N_STATES * subject.state_bytes)
    value = f"{said_bytes(needed)} to come, {states} of it training states that go again"
    if "://" in store.url:
        return told("store room", f"{value}; a bucket tells no quota")
    free = shutil.disk_usage(_nearest(Path(store.url))).free
    return Check(
        name="store room",
        passed=free >= needed + beside,
        value=f"{value}; {said_bytes(free)} free",
        bound=f"at least {said_bytes(needed + beside)} free{_also(beside, 'what is made here')}",
        way_out="Free disk below the store's folder, or move it by HINDSIGHT_STORE.",
    )


def _to_disk(subject: Subject) -> int:
    route = subject.recipe.route
    here = [stage for stage, pool in (("merge", route.merge), ("embed", route.embed)) if pool == "cpu"]
    return _disk(subject, here if subject.rents else ["train", "merge", "embed"])


def _local_disk(needed: int, beside: int) -> Check:
    free = shutil.disk_usage(_nearest(state_dir())).free
    return Check(
        name="disk of this machine",
        passed=free >= needed + beside,
        value=f"{said_bytes(free)} free",
        bound=f"at least {said_bytes(needed + beside)} for what is made here{_also(beside, 'the store')}; the base is "
        "here already",
        way_out=f"Free disk below {state_dir()}, or move it by HINDSIGHT_STATE.",
    )


def _also(beside: int, what: str) -> str:
    return f", {said_bytes(beside)} of it for {what}, which lies on the same file system" if beside else ""


def _rented_disk(subject: Subject) -> Check:
    needed = subject.base_bytes + _disk(subject, ["train"])
    return told(
        f"disk of {subject.recipe.route.train}",
        f"{said_bytes(needed)} wanted: base {said_bytes(subject.base_bytes)}, {N_STATES} states of "
        f"{said_bytes(subject.state_bytes)}, result {said_bytes(subject.output_bytes)} twice while it is kept",
    )


def _disk(subject: Subject, stages: list[str]) -> int:
    """Bytes that lie on one machine at the same time beside the base, if these stages run there."""
    trained = 2 * subject.output_bytes if "train" in stages else subject.output_bytes
    states = N_STATES * subject.state_bytes if "train" in stages else 0
    # Merged weights are staged, then fetched by who embeds them.
    merged = subject.merged_bytes * len({"merge", "embed"} & set(stages))
    return subject.n_runs * (trained + merged) + states if stages else 0


def _credentials(store: Store) -> Check:
    hub = "HF_TOKEN set" if os.environ.get("HF_TOKEN") else "no HF_TOKEN"
    fetched = f"{hub}; base, tokenizer and corpus are in the store, so that no later stage asks the hub"
    if "://" not in store.url:
        return told("credentials", f"the store is a folder: every pool's machines must see it; {fetched}")
    source = "AWS_ACCESS_KEY_ID" if os.environ.get("AWS_ACCESS_KEY_ID") else "a profile or role of this machine"
    return told("credentials", f"store opened by {source}: every pool's machines need theirs; {fetched}")


def _file_system(path: Path) -> int:
    return _nearest(path).stat().st_dev


def _nearest(path: Path) -> Path:
    """The path itself, or the first folder above it that is there."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
