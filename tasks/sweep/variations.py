"""A sweep's variations as complete recipes, all validated before any run starts."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from pydantic import JsonValue

from tasks.recipe import Recipe
from tasks.store.digests import sha256_of_json
from tasks.sweep.config import SweepConfig, Variation
from tasks.sweep.errors import BadSweep
from tasks.sweep.overrides import BadSetting, apply_settings

MAX_NAME = 61
"""The longest name a recipe may have."""
MAX_ERRORS = 5
"""Errors shown in one message; the others are counted."""


@dataclass(frozen=True)
class Variant:
    """A variation as a complete recipe.

    Args:
        deployment: The deployment that runs it.
        recipe: With the settings applied.
        settings: The values set by the sweep.
    """

    deployment: str
    recipe: Recipe
    settings: Mapping[str, JsonValue]

    @property
    def name(self) -> str:
        """Name of its run."""
        return self.recipe.name

    @property
    def key(self) -> str:
        """16 hex digits of the recipe's identity: recipes with the same key give the same artifacts."""
        return sha256_of_json(self.recipe.identity())[:16]


def variants(config: SweepConfig, recipe_of: Callable[[str], Recipe]) -> list[Variant]:
    """Every variation of a sweep.

    Args:
        config: The sweep.
        recipe_of: Reads a deployment's recipe.

    Raises:
        BadSweep: If there are fewer than two or too many variations, a setting is invalid, or two are the same.
    """
    _check_count(config)
    found: list[Variant] = []
    errors: list[str] = []
    for variation, point in _combinations(config):
        try:
            found.append(_variant(config, variation, point, recipe_of))
        except BadSetting as error:
            errors.append(str(error))
    if errors:
        more = f"; and {len(errors) - MAX_ERRORS} more" * (len(errors) > MAX_ERRORS)
        raise BadSweep(f"sweep {config.name} starts nothing: {'; '.join(errors[:MAX_ERRORS])}{more}.")
    _check_duplicates(config, found)
    return _with_own_names(found)


def _check_count(config: SweepConfig) -> None:
    n_combinations = max(len(config.variations), 1) * math.prod(map(len, config.grid.values()))
    if n_combinations < 2:
        raise BadSweep(
            f"sweep {config.name} has {n_combinations} variation, a comparison needs 2; add values to grid, or "
            "recipes to variations."
        )
    if n_combinations > config.max_variations:
        raise BadSweep(
            f"sweep {config.name} has {n_combinations} variations, max_variations is {config.max_variations}; remove "
            "values or raise it."
        )
    for variation in config.variations:
        if twice := sorted(variation.settings.keys() & config.grid.keys()):
            raise BadSweep(f"sweep {config.name} sets {twice[0]} in grid and in a variation; remove one of the two.")


def _combinations(config: SweepConfig) -> Iterator[tuple[Variation, dict[str, JsonValue]]]:
    for variation in config.variations or [Variation()]:
        for values in product(*config.grid.values()):
            yield variation, dict(zip(config.grid, values, strict=True))


def _variant(
    config: SweepConfig, variation: Variation, point: dict[str, JsonValue], recipe_of: Callable[[str], Recipe]
) -> Variant:
    deployment = variation.deployment or config.deployment
    own = variation.recipe or (None if variation.deployment else config.recipe)
    start = own or recipe_of(deployment)
    settings = {**variation.settings, **point}
    named = [variation.name or "-".join([start.name, *_words(variation.settings)]), *_words(point)]
    recipe = apply_settings(start, settings)
    return Variant(deployment, _called(recipe, _fitting("-".join(named), recipe)), settings)


def _words(settings: Mapping[str, JsonValue]) -> list[str]:
    return [f"{path.split('.')[-1]}-{value}" for path, value in settings.items()]


def _fitting(text: str, recipe: Recipe) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-")
    return name if len(name) <= MAX_NAME else _marked(name, recipe)


def _marked(name: str, recipe: Recipe) -> str:
    mark = sha256_of_json(recipe.identity())[:8]
    return f"{name[: MAX_NAME - len(mark) - 1]}-{mark}"


def _called(recipe: Recipe, name: str) -> Recipe:
    return recipe.model_copy(update={"name": name})


def _with_own_names(found: list[Variant]) -> list[Variant]:
    """Make names unique: the UI's artifacts are named after them."""
    n_uses = Counter(variant.name for variant in found)
    return [
        replace(variant, recipe=_called(variant.recipe, _marked(variant.name, variant.recipe)))
        if n_uses[variant.name] > 1
        else variant
        for variant in found
    ]


def _check_duplicates(config: SweepConfig, found: list[Variant]) -> None:
    names: dict[str, str] = {}
    for variant in found:
        if twin := names.get(variant.key):
            raise BadSweep(
                f"sweep {config.name} starts nothing: variations {twin} and {variant.name} would give the same "
                "artifacts; remove one."
            )
        names[variant.key] = variant.name
