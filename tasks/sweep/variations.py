"""A sweep's variations as whole recipes, each one validated before anything runs."""

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
from tasks.sweep.overrides import BadSetting, with_settings

MAX_NAME = 61
"""A recipe's name is no longer."""
N_TOLD = 5
"""Refusals said in one sentence; the others are counted."""


@dataclass(frozen=True)
class Variant:
    """One recipe to be run.

    Args:
        deployment: Who runs it.
        recipe: All of it.
        settings: What the sweep has set in it.
    """

    deployment: str
    recipe: Recipe
    settings: Mapping[str, JsonValue]

    @property
    def name(self) -> str:
        """What its run is called."""
        return self.recipe.name

    @property
    def key(self) -> str:
        """16 hex digits of all that decides its numbers: two recipes with the same key leave the same artifacts."""
        return sha256_of_json(self.recipe.identity())[:16]


def variants(config: SweepConfig, recipe_of: Callable[[str], Recipe]) -> list[Variant]:
    """Every variation of a sweep.

    Args:
        config: What varies.
        recipe_of: A deployment's recipe.

    Raises:
        BadSweep: If there are fewer than two or too many, a path or value is refused, or two are the same.
    """
    _refuse_count(config)
    found: list[Variant] = []
    refusals: list[str] = []
    for variation, point in _combinations(config):
        try:
            found.append(_variant(config, variation, point, recipe_of))
        except BadSetting as refusal:
            refusals.append(str(refusal))
    if refusals:
        more = f"; and {len(refusals) - N_TOLD} more" * (len(refusals) > N_TOLD)
        raise BadSweep(f"sweep {config.name} starts nothing: {'; '.join(refusals[:N_TOLD])}{more}.")
    _refuse_twins(config, found)
    return _with_own_names(found)


def _refuse_count(config: SweepConfig) -> None:
    n_combinations = max(len(config.variations), 1) * math.prod(map(len, config.grid.values()))
    if n_combinations < 2:
        raise BadSweep(
            f"sweep {config.name} has {n_combinations} variation, a comparison needs 2; name values in grid, or "
            "recipes in variations."
        )
    if n_combinations > config.max_variations:
        raise BadSweep(
            f"sweep {config.name} has {n_combinations} variations, max_variations is {config.max_variations}; leave "
            "values out or raise it."
        )
    for variation in config.variations:
        if twice := sorted(variation.settings.keys() & config.grid.keys()):
            raise BadSweep(f"sweep {config.name} sets {twice[0]} in grid and in a variation; leave one of the two out.")


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
    recipe = with_settings(start, settings)
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
    """Names told apart, for artifacts of the UI bear them."""
    n_bearers = Counter(variant.name for variant in found)
    return [
        replace(variant, recipe=_called(variant.recipe, _marked(variant.name, variant.recipe)))
        if n_bearers[variant.name] > 1
        else variant
        for variant in found
    ]


def _refuse_twins(config: SweepConfig, found: list[Variant]) -> None:
    names: dict[str, str] = {}
    for variant in found:
        if twin := names.get(variant.key):
            raise BadSweep(
                f"sweep {config.name} starts nothing: variations {twin} and {variant.name} would leave the same "
                "artifacts; leave one out."
            )
        names[variant.key] = variant.name
