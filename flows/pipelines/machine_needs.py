"""What a pool's machine is for: the trainings and exports that recipes route to it."""

from collections.abc import Iterator, Mapping

from flows.pipelines.pipeline import Step
from flows.pipelines.registry import AnyRecipe, load, pipeline_of
from tasks.doctor.needs import Needs
from tasks.recipe import recipe_file, shipped_recipes
from tasks.train.config import TrainConfig

EXPORTING = ("export", "preflight_release", "release")
"""Stages that need the export's environment; without a pool of their own they run on `cpu`."""


def needs_of(pool: str | None, recipe: str | None = None) -> Needs:
    """What a machine needs.

    Args:
        pool: Whose machine; None for no pool's, which then needs what the named recipe needs anywhere.
        recipe: One of the project's, or a YAML file; None for all of the project's that use the pool.

    Raises:
        BadRecipe: If it is neither, or not valid.
    """
    names = [recipe] if recipe else list(shipped_recipes()) if pool else []
    steps = {name: list(_steps(load(recipe_file(name)), pool)) for name in names}
    return Needs(pool, _trainings(steps), tuple(name for name in names if _exports(steps[name])))


def _steps(recipe: AnyRecipe, pool: str | None) -> Iterator[Step]:
    yield from (step for step in pipeline_of(recipe).steps if pool in (None, step.pool or "cpu"))


def _trainings(steps: Mapping[str, list[Step]]) -> dict[str, TrainConfig]:
    trainings = {}
    for name, of_recipe in steps.items():
        configs = [step.config for step in of_recipe if isinstance(step.config, TrainConfig)]
        # A placebo is trained by the same settings.
        for config in dict.fromkeys(configs):
            trainings[name if len(set(configs)) == 1 else f"{name}, {config.objective.kind}"] = config
    return trainings


def _exports(steps: list[Step]) -> bool:
    return any(step.stage in EXPORTING for step in steps)
