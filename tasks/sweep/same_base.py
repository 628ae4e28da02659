"""Checks that the base model's figures are equal to the bit wherever panel, base states and settings are equal."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from pydantic import JsonValue

from tasks.common.settings import Config
from tasks.recipe import Recipe
from tasks.schemas.scores import PremiumScores
from tasks.store.records import Record
from tasks.sweep.differences import ABSENT, as_text, differences
from tasks.sweep.errors import BadSweep, BaseDiffers
from tasks.sweep.scores import VariationScores
from tasks.sweep.variations import Variant

BASE_PARTS = ("base", "panel", "embed", "premium")
"""The recipe's parts that determine the base's figures."""
HYPOTHESIS = "premium.hypothesis"
"""Tested against the figures; it does not change them."""


def check_base_settings(variants: Sequence[Variant]) -> None:
    """Check before any run starts that the recipes lead to equal base figures.

    Raises:
        BadSweep: Names the settings that differ.
    """
    for first, other in combinations(variants, 2):
        parts = [part for part in BASE_PARTS if _identity(first.recipe, part) != _identity(other.recipe, part)]
        found = {
            path: pair
            for path, pair in differences(other.recipe, first.recipe).items()
            if path.split(".")[0] in parts and not path.startswith(HYPOTHESIS)
        }
        if found:
            raise BadSweep(
                f"same_base is set, but the base's figures of {first.name} and {other.name} cannot be equal: "
                f"{as_text(found)}. Use the same settings in both, or set same_base to false."
            )


def check_base_figures(found: Sequence[VariationScores]) -> dict[str, list[str]]:
    """Compare the base's figures of all variations.

    Returns:
        Names of the variations that share a base, by the base's key.

    Raises:
        BaseDiffers: Two variations have the same base key and different figures; names both and the figure.
    """
    groups: dict[str, list[VariationScores]] = {}
    for variation in found:
        groups.setdefault(variation.base_key, []).append(variation)
    for first, *others in groups.values():
        for other in others:
            _check_pair(first, other)
    return {key: [variation.name for variation in group] for key, group in groups.items()}


def _check_pair(first: VariationScores, other: VariationScores) -> None:
    figures, other_figures = dict(_figures(first.scores)), dict(_figures(other.scores))
    for path in sorted(figures | other_figures):
        pair = figures.get(path, ABSENT), other_figures.get(path, ABSENT)
        # repr gives every bit back, and compares NaN as equal to itself.
        if repr(pair[0]) != repr(pair[1]):
            raise BaseDiffers(
                f"{path} is {pair[0]!r} in {first.name} and {pair[1]!r} in {other.name}, though panel, base states and "
                f"settings are the same ({first.record.ref.path}, {other.record.ref.path}"
                f"{_version_differences(first.record, other.record)}); the two cannot be compared. Delete one of the "
                "two artifacts and rebuild it on the machine that built the other."
            )


def _figures(scores: PremiumScores) -> Iterator[tuple[str, object]]:
    """Every figure of the base model, and of the controls, which use its states."""
    yield from _leaves(scores.models["base"].model_dump(mode="json"), "base")
    if scores.robust:
        for fit, own in scores.robust.fits.items():
            yield from _leaves(own.models["base"].model_dump(mode="json"), f"robust.{fit}.base")
        for control in scores.robust.controls:
            yield from _leaves(control.model_dump(mode="json"), f"robust.controls.{control.name}")


def _leaves(tree: object, path: str) -> Iterator[tuple[str, object]]:
    if not isinstance(tree, dict):
        yield path, tree
        return
    for name, value in tree.items():
        yield from _leaves(value, f"{path}.{name}")


def _version_differences(first: Record, other: Record) -> str:
    versions = {name: (version, other.versions.get(name, ABSENT)) for name, version in first.versions.items()}
    return "".join(f"; {name} {one} and {two}" for name, (one, two) in versions.items() if one != two)


def _identity(recipe: Recipe, part: str) -> dict[str, JsonValue]:
    config: Config = getattr(recipe, part)
    return {name: value for name, value in config.identity().items() if f"{part}.{name}" != HYPOTHESIS}
