"""The checks, by subject. Each looks at one thing and says what it found, what it was held against, and the way out."""

from typing import TYPE_CHECKING

from tasks.preflight.checks.artifacts import given_checks, trainer_check
from tasks.preflight.checks.inputs import Inputs
from tasks.preflight.checks.machine import machine_checks, store_round_trip
from tasks.preflight.checks.money import limit_checks, money_checks
from tasks.preflight.checks.planned_run import Subject
from tasks.preflight.checks.training import training_checks
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Check

if TYPE_CHECKING:
    from transformers import PretrainedConfig

__all__ = ["Inputs", "all_checks", "checks_of_now", "judge", "limit_checks"]


def all_checks(inputs: Inputs) -> list[Check]:
    """Every check's line; none is left out because an earlier one failed."""
    from tasks.preflight.power import power_checks

    subject = inputs.subject
    return [
        store_round_trip(inputs.store),
        *machine_checks(subject, inputs.store),
        *given_checks(inputs),
        *training_checks(subject),
        *money_checks(subject),
        *power_checks(inputs.recipe, inputs.base, inputs.panel),
    ]


def checks_of_now(inputs: Inputs, with_room: bool = True) -> list[Check]:
    """The lines of machine, store, trainer and money, which may change though recipe and inputs do not.

    Args:
        inputs: What the checks look at.
        with_room: Whether room in the store and on disks is asked for too.
    """
    subject = inputs.subject
    return [
        store_round_trip(inputs.store),
        *(machine_checks(subject, inputs.store) if with_room else ()),
        trainer_check(),
        *training_checks(subject),
        *money_checks(subject),
    ]


def judge(
    recipe: Recipe, architecture: "PretrainedConfig", n_panel_rows: int, n_rows: int | None = None
) -> list[Check]:
    """What can be said of a recipe without a weight, a corpus or a store: rules, coverage, memory, states, money.

    Args:
        recipe: The whole recipe.
        architecture: The base model's config.
        n_panel_rows: Sentences to embed.
        n_rows: Training rows; without a number they are taken to be full.
    """
    subject = Subject.of(recipe, architecture, n_panel_rows, n_rows)
    return [*training_checks(subject), *money_checks(subject)]
