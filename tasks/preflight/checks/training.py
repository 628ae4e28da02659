"""Checks of the training settings: rules, trained weights, memory, the time of a step and training states."""

from collections.abc import Iterator

import psutil

from tasks.costs.hardware import GIB, POOLS
from tasks.preflight.checks.inputs import format_bytes, info_line
from tasks.preflight.planned_run import PlannedTraining
from tasks.schemas.artifacts import Check
from tasks.train.errors import TrainError
from tasks.train.estimates.memory import (
    DISK_BYTES_PER_SECOND,
    PROCESS_BYTES,
    STORE_BYTES_PER_SECOND,
    keeping_seconds,
    loading_seconds,
    predict_memory,
)
from tasks.train.estimates.step_time import predict_step_time
from tasks.train.pipeline.rule import Rule
from tasks.train.pipeline.rules import check_rules

SMALLER = "Lower sequence_length or micro_batch_size of the training, or turn its activation_checkpointing on"
OF_THE_ARM = {
    "lora": "lower arm.rank, or set optimizer to adamw_bnb_8bit",
    "full-weight": "set arm.cut_cross_entropy, or arm.master_weights to stochastic_rounding",
}


def training_checks(run: PlannedTraining) -> Iterator[Check]:
    """Rules, coverage, memory, states."""
    train = run.train
    yield from _rules(run)
    yield from _adapters(run) if train.arm.kind == "lora" else _weights(run)
    yield _gpu_memory(run) if run.needs_gpus else _machine_memory(run)
    if run.needs_gpus:
        yield _step_time(run)
    yield _states(run)


def _rules(run: PlannedTraining) -> Iterator[Check]:
    try:
        rules = check_rules(run.train, run.pool)
    except TrainError as error:
        # Rules are about packages of the trainer's environment, and that does not exist.
        yield Check(
            name="trainer's packages",
            passed=False,
            value=str(error),
            bound="a trainer environment that can be inspected",
        )
        return
    yield from map(_rule, rules)


def _rule(rule: Rule) -> Check:
    why = f"{rule.fact[0].upper()}{rule.fact[1:]}. {rule.way_out}."
    return Check(name=rule.name, passed=rule.passed, value=rule.value, bound=rule.bound, way_out=why)


def _adapters(run: PlannedTraining) -> Iterator[Check]:
    bound = "every entry matches a weight"
    if (coverage := run.coverage) is None:
        yield Check(name="LoRA targets", passed=False, value=run.unmatched, bound=bound)
        return
    for entry, n_trainable in coverage.by_entry.items():
        yield Check(name=f"LoRA target {entry}", passed=True, value=f"{n_trainable:,} trainable", bound="more than 0")
    share = 100 * coverage.n_trainable / coverage.n_parameters
    value = f"{coverage.n_trainable:,} of {coverage.n_parameters:,} trainable ({share:.3g} %)"
    yield Check(name="LoRA targets", passed=True, value=value, bound=bound)


def _weights(run: PlannedTraining) -> Iterator[Check]:
    sizes = run.sizes
    for group, n_parameters in sizes.by_group.items():
        yield Check(name=f"weights: {group}", passed=True, value=f"{n_parameters:,} trainable", bound="more than 0")
    value = f"{sizes.n_parameters:,} trainable, {sizes.n_active:,} of them multiply a token"
    yield Check(name="weights", passed=True, value=value, bound="every one")


def _gpu_memory(run: PlannedTraining) -> Check:
    train, pool = run.train, POOLS[run.pool]
    memory = predict_memory(run.sizes, train, run.settings, run.n_trainable)
    usable = pool.gpu.usable_bytes / GIB if pool.gpu else 0.0
    name = pool.gpu.name if pool.gpu else "no GPU"
    return Check(
        name="memory per GPU",
        passed=memory.gib <= usable,
        value=f"{memory} predicted",
        bound=f"{usable:.1f} GiB that tensors can have of a {name} on {pool.name}",
        way_out=f"{SMALLER}; {OF_THE_ARM[train.arm.kind]}.",
    )


def _step_time(run: PlannedTraining) -> Check:
    train, pool = run.train, POOLS[run.pool]
    if pool.gpu is None:
        return info_line("step time", f"no GPU on {pool.name}")
    seconds = predict_step_time(run.sizes, train, run.settings, run.n_trainable, pool.gpu)
    n_tokens = train.rows_per_step * train.sequence_length
    hint = "; a larger train.micro_batch_size moves as much for more tokens" if seconds.binds != "arithmetic" else ""
    return info_line("step time", f"{seconds}, {n_tokens:,} tokens{hint}")


def _machine_memory(run: PlannedTraining) -> Check:
    train, total = run.train, psutil.virtual_memory().total / GIB
    memory = predict_memory(run.sizes, train, run.settings, run.n_trainable)
    needed = train.arm.n_ranks * (memory.gib + PROCESS_BYTES / GIB)
    return Check(
        name="memory of this machine",
        passed=needed <= total,
        value=f"{needed:.1f} GiB predicted: {train.arm.n_ranks} x {memory} and {PROCESS_BYTES / GIB:.1f} of libraries",
        bound=f"{total:.1f} GiB",
        way_out=f"{SMALLER}; name a smaller base.",
    )


def _states(run: PlannedTraining) -> Check:
    train, size = run.train, run.state_bytes
    loading, keeping = loading_seconds(run.base_bytes) / 60, keeping_seconds(size) / 60
    per_parameter = size / max(run.n_trainable, 1)
    return Check(
        name="training state",
        passed=loading + train.checkpoint_minutes + keeping <= train.first_checkpoint_minutes,
        value=f"{format_bytes(size)} each, {per_parameter:g} bytes a parameter; {keeping:.1f} min to write at "
        f"{DISK_BYTES_PER_SECOND / 1e6:,.0f} MB/s, upload and read back at {STORE_BYTES_PER_SECOND / 1e6:.0f}, after "
        f"{loading:.1f} min of loading (rates assumed, not measured)",
        bound=f"started {train.checkpoint_minutes:g} min after loading, in the store within "
        f"{train.first_checkpoint_minutes:g}",
        way_out="Raise first_checkpoint_minutes of the training, or lower its checkpoint_minutes.",
    )
