"""The checks, by subject. Each checks one thing and gives a value, its bound and the way out.

inputs: the artifacts to check. planned_run: the recipe with its base model's sizes. artifacts: base, corpus, panel,
trainer. training: rules, coverage, memory, states. pools: what GPU pools answered to the doctor. probes:
models and items of the recall probes. machine: store and disks. money: forecast, deadline, limit.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tasks.doctor.reach import store_round_trip
from tasks.preflight.checks.artifacts import artifact_checks, trainer_check
from tasks.preflight.checks.inputs import Inputs
from tasks.preflight.checks.machine import machine_checks, rented_disk_bytes
from tasks.preflight.checks.money import limit_checks, money_checks
from tasks.preflight.checks.pools import packages_of, pool_answer, pool_checks
from tasks.preflight.checks.probes import probe_checks
from tasks.preflight.checks.training import training_checks
from tasks.preflight.planned_run import PlannedRun
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Check
from tasks.store.store import Store

if TYPE_CHECKING:
    from transformers import PretrainedConfig

__all__ = ["Inputs", "all_checks", "changeable_checks", "check_recipe", "limit_checks"]


def all_checks(inputs: Inputs) -> list[Check]:
    """All checks; later ones also run if an earlier one failed."""
    from tasks.preflight.power import power_checks

    run = inputs.run
    return [
        store_round_trip(inputs.store),
        *machine_checks(run, inputs.store),
        *artifact_checks(inputs),
        *_probes(inputs),
        *_training(run, inputs.store),
        *money_checks(run),
        *power_checks(
            inputs.recipe.premium,
            inputs.recipe.report.plumbing_only,
            run.training.sizes.state_width,
            inputs.panel,
            inputs.states,
        ),
    ]


def _probes(inputs: Inputs) -> Iterator[Check]:
    """Of the base: what is trained from it has its tokenizer, template and context."""
    if inputs.recipe.probe and inputs.items:
        answers, way_out = inputs.recipe.probe.answers, "Take another base, or leave probe out."
        yield from probe_checks("base", answers, inputs.base, inputs.items, way_out)


def changeable_checks(inputs: Inputs, with_disk_space: bool = True) -> list[Check]:
    """The checks of machine, store, trainer and money: results may change while recipe and inputs do not."""
    run = inputs.run
    return [
        store_round_trip(inputs.store),
        *(machine_checks(run, inputs.store) if with_disk_space else ()),
        trainer_check(),
        *_training(run, inputs.store, with_disk_space),
        *money_checks(run),
    ]


def _training(run: PlannedRun, store: Store, with_disk_space: bool = True) -> Iterator[Check]:
    """Of the training, and of the machine it will run on, as far as that one has answered."""
    training = run.training
    answer = pool_answer(store, training, run.recipe.limits.doctor_hours)
    yield from pool_checks(answer, training, rented_disk_bytes(run) if with_disk_space else None)
    yield from training_checks(training, packages_of(answer))


def check_recipe(
    recipe: Recipe, architecture: "PretrainedConfig", n_panel_rows: int, n_rows: int | None = None
) -> list[Check]:
    """The checks that need no weights, corpus or store: rules, coverage, memory, states, money.

    Without `n_rows`, training rows are assumed to be full.
    """
    run = PlannedRun.of(recipe, architecture, n_panel_rows, n_rows)
    return [*training_checks(run.training), *money_checks(run)]
