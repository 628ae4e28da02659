"""Checks of a release and its inputs before a GPU is rented."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil
from pydantic import JsonValue

from tasks.adapter_release import AdapterRelease
from tasks.common.errors import HindsightError
from tasks.doctor.diagnosis import PoolAnswer
from tasks.doctor.reach import store_round_trip
from tasks.export.memory import memory_bytes
from tasks.export.modelfile import check_template
from tasks.gguf.convert import architecture_of, check_convertible
from tasks.gguf.environment import export_python
from tasks.preflight.checks.artifacts import merge_check, trainer_check, weights_check
from tasks.preflight.checks.inputs import read_causal
from tasks.preflight.checks.machine import credentials_line, space_checks
from tasks.preflight.checks.money import deadline_check, forecast_lines
from tasks.preflight.checks.pools import packages_of, pool_answer, pool_checks
from tasks.preflight.checks.training import training_checks
from tasks.preflight.forecast import StageForecast, forecast_trainings
from tasks.preflight.planned_run import PlannedTraining
from tasks.preflight.write import log_and_raise
from tasks.schemas.artifacts import Check, ModelFolder, Preflight
from tasks.schemas.check_lines import check_call, format_bytes, info_line
from tasks.schemas.examples import TokenizedExamples
from tasks.store.store import Store
from tasks.train.estimates.memory import N_STATES

if TYPE_CHECKING:
    from transformers import PretrainedConfig

F16_BYTES = 2
TrainingName = Literal["sft", "dpo"]
TRAININGS: tuple[TrainingName, ...] = ("sft", "dpo")


@dataclass(frozen=True)
class ReleaseInputs:
    """The release, its fetched artifacts, and the store for the results."""

    release: AdapterRelease
    base: ModelFolder
    rows: Mapping[str, TokenizedExamples]
    """By the name of their training."""
    store: Store

    @classmethod
    def of(cls, release: AdapterRelease, folders: Mapping[str, Path], store: Store) -> "ReleaseInputs":
        """From the fetched artifacts' folders: `base`, `chat_rows` and `preference_rows`."""
        rows = {"sft": TokenizedExamples(folders["chat_rows"]), "dpo": TokenizedExamples(folders["preference_rows"])}
        return cls(release, ModelFolder(folders["base"]), rows, store)

    @cached_property
    def trainings(self) -> dict[str, PlannedTraining]:
        """Both trainings, with the sizes of the base: folding an adapter changes none of them.

        Raises:
            UntrainableBase: If transformers has no classes for the base, or it is no causal language model.
        """
        architecture = read_causal(self.base)
        return {name: _planned(self, name, architecture) for name in TRAININGS}

    @cached_property
    def forecast(self) -> list[StageForecast]:
        """Hours and dollars of the trainings."""
        return forecast_trainings(self.trainings)


def _planned(inputs: ReleaseInputs, name: TrainingName, architecture: "PretrainedConfig") -> PlannedTraining:
    """A training over all epochs of its examples; a preference pair is two rows."""
    train, counts = inputs.release.training(name), inputs.rows[name].counts()
    n_epochs = 1 if train.objective.kind == "text" else train.objective.epochs
    n_rows, n_tokens = (n_epochs * int(str(counts[own])) for own in ("n_examples", "n_tokens"))
    n_rows *= 2 if train.objective.kind == "preference" else 1
    return PlannedTraining.of(train, inputs.release.route.train, architecture, n_rows, n_tokens)


def write_release_checks(inputs: ReleaseInputs, folder: Path) -> dict[str, JsonValue]:
    """Check a release against its inputs and write `checks.json`.

    Raises:
        PreflightFailed: Lists every failed check.
    """
    checks = list(release_checks(inputs))
    log_and_raise(checks)
    (folder / "checks.json").write_text(Preflight(checks=checks).model_dump_json(indent=1) + "\n")
    return {"n_checks": len(checks), "forecast": {stage.step: stage.facts() for stage in inputs.forecast}}


def release_checks(inputs: ReleaseInputs) -> Iterator[Check]:
    """All checks; later ones also run if an earlier one failed."""
    yield weights_check("base", inputs.base)
    yield check_call(
        "export",
        "an architecture that the GGUF converter knows",
        lambda: check_convertible(architecture_of(inputs.base.path)),
        "known to it",
    )
    template = inputs.release.chat_template
    yield check_call(
        "chat template",
        "one that can be written into a Modelfile",
        lambda: check_template(inputs.base.path, template),
    )
    planned = check_call("base", "a causal model of transformers' own classes", lambda: len(inputs.trainings), "it is")
    yield planned
    if planned.passed:
        for name in TRAININGS:
            yield from (_named(check, name) for check in _training(inputs, name))
        yield _export_memory(inputs)
    yield from changeable_checks(inputs)


def changeable_checks(inputs: ReleaseInputs, with_disk_space: bool = True) -> Iterator[Check]:
    """The checks of machine, store, trainer and money: results may change while the release and inputs do not.

    Args:
        inputs: The release.
        with_disk_space: Not where a training has begun, whose own files fill the disk.
    """
    yield store_round_trip(inputs.store)
    yield trainer_check()
    yield check_call("export environment", "an interpreter that can be run", export_python, "found")
    yield credentials_line(inputs.store)
    try:
        stages = inputs.forecast
    except HindsightError as error:
        yield Check(name="forecast", passed=False, value=str(error), bound="a base and a price list that can be read")
        return
    yield from _trainers_machine(inputs, with_disk_space)
    if with_disk_space:
        yield from _space(inputs)
    yield from forecast_lines(stages, "none: no rate is known for plain kernels")
    for name in TRAININGS:
        yield from (
            _named(check, name) for check in deadline_check(inputs.trainings[name].train, f"train {name}", stages)
        )


def _training(inputs: ReleaseInputs, name: TrainingName) -> Iterator[Check]:
    run = inputs.trainings[name]
    yield merge_check(run.train.arm, inputs.release.merge, inputs.base)
    yield from training_checks(run, packages_of(_answer(inputs, run)))


def _answer(inputs: ReleaseInputs, run: PlannedTraining) -> PoolAnswer | None:
    return pool_answer(inputs.store, run, inputs.release.limits.doctor_hours)


def _trainers_machine(inputs: ReleaseInputs, with_disk_space: bool) -> Iterator[Check]:
    """Both trainings run on one pool, one after the other."""
    run = max(inputs.trainings.values(), key=lambda run: run.state_bytes)
    needed = run.base_bytes + N_STATES * run.state_bytes + 2 * run.output_bytes
    yield from pool_checks(_answer(inputs, run), run, needed if with_disk_space else None)


def _export_memory(inputs: ReleaseInputs) -> Check:
    """The machine's memory, where the export runs on it."""
    needed = memory_bytes(inputs.release.export, inputs.trainings["dpo"].sizes.n_parameters)
    value = f"{format_bytes(needed)} of weights"
    if inputs.release.route.export != "cpu":
        return info_line("memory of the export", value)
    total = psutil.virtual_memory().total
    return Check(
        name="memory of the export",
        passed=needed <= total,
        value=value,
        bound=f"{format_bytes(total)} of this machine",
        way_out="Set route.export to h100, or export.gate_parity to false: the page then says that parity was not run.",
    )


def _named(check: Check, training: str) -> Check:
    return check.model_copy(update={"name": f"{training}: {check.name}"})


def _space(inputs: ReleaseInputs) -> Iterator[Check]:
    """Both trainings' states and adapters, two merged models, and the GGUF files while they are made."""
    runs = inputs.trainings.values()
    merged = sum(run.merged_bytes(inputs.release.merge.dtype) for run in runs)
    states = N_STATES * max(run.state_bytes for run in runs)
    gguf = 2 * F16_BYTES * next(iter(runs)).sizes.n_parameters
    adapters = sum(run.output_bytes for run in runs)
    total = merged + states + gguf + adapters
    yield from space_checks(inputs.store, total, total, f", {format_bytes(states)} of it for training states")
