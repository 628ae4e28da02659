"""Checks against what a pool's own machine answered to the doctor; without an answer, a line that says so."""

from collections.abc import Collection, Iterator

from tasks.costs.hardware import POOLS
from tasks.doctor.diagnosis import Diagnosis, PoolAnswer, newest
from tasks.doctor.needs import Needs, hardware_checks
from tasks.preflight.planned_run import PlannedTraining
from tasks.schemas.artifacts import Check
from tasks.schemas.check_lines import FOR_INFORMATION, format_bytes, info_line
from tasks.store.store import Store
from tasks.train.pipeline.package_rules import Packages


def pool_answer(store: Store, training: PlannedTraining, max_age_hours: float) -> PoolAnswer | None:
    """The newest answer of the machine that trains, or why there is none; None for a training that needs no GPU.

    Args:
        store: Where the pool's machine left it.
        training: On a pool.
        max_age_hours: `limits.doctor_hours`.
    """
    return newest(store.objects, training.pool, max_age_hours) if training.needs_gpus else None


def packages_of(answer: PoolAnswer | None) -> Packages | None:
    """The trainer's packages on the machine that trains; None where it did not answer."""
    return answer.diagnosis.facts.trainer.packages if answer and answer.diagnosis else None


def pool_checks(answer: PoolAnswer | None, training: PlannedTraining, disk_bytes: int | None = None) -> Iterator[Check]:
    """GPUs, torch, shared memory and disk of the machine that trains, by its own answer.

    Args:
        answer: Of the pool's machine; None where the training needs no GPU.
        training: What it trains.
        disk_bytes: What that needs below HINDSIGHT_STATE at once; None to leave the disk out.
    """
    if answer is None:
        return
    pool = training.pool
    yield info_line(f"machine of {pool}", answer.sentence)
    if (found := answer.diagnosis) is None:
        return
    needs = Needs(pool, {"this training": training.train})
    for check in (*hardware_checks(found.facts, needs), *([] if disk_bytes is None else [_disk(found, disk_bytes)])):
        if check.bound != FOR_INFORMATION:
            yield check.model_copy(update={"name": f"{pool}: {check.name}"})


def _disk(found: Diagnosis, needed: int) -> Check:
    return Check(
        name="disk",
        passed=found.facts.disk_free_bytes >= needed,
        value=f"{format_bytes(found.facts.disk_free_bytes)} free",
        bound=f"at least {format_bytes(needed)}",
        way_out=f"Free disk below HINDSIGHT_STATE of {found.facts.machine}, or rent a machine with more; then run "
        f"doctor/{found.pool} again.",
    )


def machine_lines(store: Store, pools: Collection[str], max_age_hours: float) -> Iterator[Check]:
    """A line per pool with GPUs that a run uses though it trains nothing there."""
    for pool in sorted(pool for pool in set(pools) if POOLS[pool].n_gpus):
        yield info_line(f"machine of {pool}", newest(store.objects, pool, max_age_hours).sentence)
