"""Checks of the store and the disks: access, and free space for the results."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tasks.common.settings import state_dir
from tasks.embed.config import EmbedConfig
from tasks.preflight.checks.inputs import check_call, format_bytes, info_line
from tasks.preflight.planned_run import PlannedRun
from tasks.schemas.artifacts import Check
from tasks.store.store import Store
from tasks.train.estimates.memory import N_STATES

FLOAT32_BYTES = 4


def store_round_trip(store: Store) -> Check:
    """The store returns the bytes it was given."""
    return check_call("store round trip", "64 bytes come back unchanged", store.probe, "unchanged")


def machine_checks(run: PlannedRun, store: Store) -> Iterator[Check]:
    """Free space in the store and on disks, and a line on credentials."""
    states = format_bytes(N_STATES * run.training.state_bytes)
    note = f", {states} of it for training states that are deleted later"
    yield from space_checks(store, _to_store(run), _to_disk(run), note)
    if run.training.needs_gpus:
        yield _rented_disk(run)
    yield credentials_line(store)


def space_checks(store: Store, in_store: int, local: int, note: str = "") -> Iterator[Check]:
    """Free space in the store and on this machine's disk.

    Args:
        store: Where results go.
        in_store: Bytes of all results.
        local: Bytes of results made on this machine.
        note: What the bytes in the store are for.
    """
    # A store folder on the same file system shares the free space.
    both = "://" not in store.url and _file_system(Path(store.url)) == _file_system(state_dir())
    yield _store_space(store, in_store, local if both else 0, note)
    yield _local_disk(local, in_store if both else 0)


def embedded_bytes(n_rows: int, width: int, config: EmbedConfig) -> int:
    """Bytes of a model's states of a panel."""
    return FLOAT32_BYTES * n_rows * width * (1 + config.undated)


def _to_store(run: PlannedRun) -> int:
    embedded = embedded_bytes(run.n_panel_rows, run.training.sizes.state_width, run.recipe.embed)
    per_run = run.training.output_bytes + run.merged_bytes + embedded
    return N_STATES * run.training.state_bytes + run.n_trainings * per_run + embedded


def _store_space(store: Store, needed: int, beside: int, note: str) -> Check:
    value = f"{format_bytes(needed)} needed{note}"
    if "://" in store.url:
        return info_line("store space", f"{value}; a bucket has no known quota")
    free = shutil.disk_usage(_nearest(Path(store.url))).free
    return Check(
        name="store space",
        passed=free >= needed + beside,
        value=f"{value}; {format_bytes(free)} free",
        bound=f"at least {format_bytes(needed + beside)} free{_also(beside, 'results on this machine')}",
        way_out="Free disk below the store's folder, or move it by HINDSIGHT_STORE.",
    )


def _to_disk(run: PlannedRun) -> int:
    route = run.recipe.route
    here = [stage for stage, pool in (("merge", route.merge), ("embed", route.embed)) if pool == "cpu"]
    return _disk(run, here if run.training.needs_gpus else ["train", "merge", "embed"])


def _local_disk(needed: int, beside: int) -> Check:
    free = shutil.disk_usage(_nearest(state_dir())).free
    return Check(
        name="disk of this machine",
        passed=free >= needed + beside,
        value=f"{format_bytes(free)} free",
        bound=f"at least {format_bytes(needed + beside)} for results on this machine{_also(beside, 'the store')}; "
        "the base is already here",
        way_out=f"Free disk below {state_dir()}, or move it by HINDSIGHT_STATE.",
    )


def _also(beside: int, what: str) -> str:
    return f", {format_bytes(beside)} of it for {what}, which is on the same file system" if beside else ""


def _rented_disk(run: PlannedRun) -> Check:
    training = run.training
    needed = training.base_bytes + _disk(run, ["train"])
    return info_line(
        f"disk of {training.pool}",
        f"{format_bytes(needed)} needed: base {format_bytes(training.base_bytes)}, {N_STATES} states of "
        f"{format_bytes(training.state_bytes)}, result {format_bytes(training.output_bytes)} twice while it is "
        "published",
    )


def _disk(run: PlannedRun, stages: list[str]) -> int:
    """Bytes on one machine at the same time, in addition to the base, if these stages run there."""
    trained = 2 * run.training.output_bytes if "train" in stages else run.training.output_bytes
    states = N_STATES * run.training.state_bytes if "train" in stages else 0
    # Merged weights are written by merge, then fetched by embed.
    merged = run.merged_bytes * len({"merge", "embed"} & set(stages))
    return run.n_trainings * (trained + merged) + states if stages else 0


def credentials_line(store: Store) -> Check:
    """Whose access to the store is used."""
    hub = "HF_TOKEN set" if os.environ.get("HF_TOKEN") else "no HF_TOKEN"
    fetched = f"{hub}; base, tokenizer and corpus are in the store, so no later stage accesses the hub"
    if "://" not in store.url:
        return info_line("credentials", f"the store is a folder that every pool's machines must reach; {fetched}")
    source = "AWS_ACCESS_KEY_ID" if os.environ.get("AWS_ACCESS_KEY_ID") else "a profile or role of this machine"
    return info_line("credentials", f"store access by {source}: every pool's machines need their own; {fetched}")


def _file_system(path: Path) -> int:
    return _nearest(path).stat().st_dev


def _nearest(path: Path) -> Path:
    """The path itself, or its closest existing parent."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
