"""The base model's figures, which must be the same to the bit wherever they are made of the same things."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from pydantic import JsonValue

from tasks.common.settings import Config
from tasks.recipe import Recipe
from tasks.schemas.scores import PremiumScores
from tasks.store.digests import sha256_of_json
from tasks.store.records import Record
from tasks.sweep.differences import ABSENT, as_text, differences
from tasks.sweep.errors import BadSweep, BaseDiffers
from tasks.sweep.variations import Variant

BASE_PARTS = ("base", "panel", "embed", "premium")
"""The parts of a recipe that the base's figures are made of."""
QUESTION = "premium.hypothesis"
"""Asked of the figures, and no part of them."""


@dataclass(frozen=True)
class Measured:
    """One variation's scores.

    Args:
        name: The variation.
        record: Of its artifact `premium`.
        scores: What it holds.
    """

    name: str
    record: Record
    scores: PremiumScores

    @property
    def base_key(self) -> str:
        """All that the base's figures are made of: panel, the base's states, settings of the measure, its code."""
        config = {
            name: value for name, value in _mapping(self.record.identity["config"]).items() if name != "hypothesis"
        }
        inputs = _mapping(self.record.identity["inputs"])
        made_of = {"panel": inputs["panel"], "base": inputs["base"], "revision": self.record.identity["revision"]}
        return sha256_of_json({**made_of, "config": config})


def refuse_other_base(measured: Sequence[Measured]) -> dict[str, list[str]]:
    """Hold the base's figures of all variations against each other.

    Returns:
        Names of those that share a base, by what it is made of.

    Raises:
        BaseDiffers: If two share all it is made of and have other figures; both are named, with the figure.
    """
    groups: dict[str, list[Measured]] = {}
    for one in measured:
        groups.setdefault(one.base_key, []).append(one)
    for group in groups.values():
        for other in group[1:]:
            _refuse_pair(group[0], other)
    return {key: [one.name for one in group] for key, group in groups.items()}


def refuse_other_base_settings(variants: Sequence[Variant]) -> None:
    """Refuse recipes whose base figures cannot be the same, before anything runs.

    Raises:
        BadSweep: With the settings that differ.
    """
    for first, other in combinations(variants, 2):
        parts = [part for part in BASE_PARTS if _identity(first.recipe, part) != _identity(other.recipe, part)]
        found = {
            path: pair
            for path, pair in differences(other.recipe, first.recipe).items()
            if path.split(".")[0] in parts and not path.startswith(QUESTION)
        }
        if found:
            raise BadSweep(
                f"same_base is set, yet the base's figures of {first.name} and {other.name} cannot be the same: "
                f"{as_text(found)}. Set the same in both, or same_base to false."
            )


def _refuse_pair(first: Measured, other: Measured) -> None:
    ours, theirs = dict(_figures(first.scores)), dict(_figures(other.scores))
    for path in sorted(ours | theirs):
        pair = ours.get(path, ABSENT), theirs.get(path, ABSENT)
        # By their shortest texts, which give every bit back, and by which an absent figure equals itself.
        if repr(pair[0]) != repr(pair[1]):
            raise BaseDiffers(
                f"{path} is {pair[0]!r} in {first.name} and {pair[1]!r} in {other.name}, though panel, base states and "
                f"settings are the same ({first.record.ref.path}, {other.record.ref.path}"
                f"{_other_versions(first.record, other.record)}); the two cannot be compared. Remove one of the two "
                "artifacts, and run it again where the other was built."
            )


def _figures(scores: PremiumScores) -> Iterator[tuple[str, object]]:
    """Every figure of the base model, and of the controls, which are made of its states."""
    yield from _leaves(scores.base.model_dump(mode="json"), "base")
    if scores.robust:
        yield from _leaves(scores.robust.base.model_dump(mode="json"), "robust.base")
        for control in scores.robust.controls:
            yield from _leaves(control.model_dump(mode="json"), f"robust.controls.{control.name}")


def _leaves(tree: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _leaves(value, f"{path}.{name}")
    else:
        yield path, tree


def _other_versions(first: Record, other: Record) -> str:
    pairs = {
        name: (version, other.versions.get(name, ABSENT))
        for name, version in first.versions.items()
        if version != other.versions.get(name, ABSENT)
    }
    return "".join(f"; {name} {ours} and {theirs}" for name, (ours, theirs) in pairs.items())


def _identity(recipe: Recipe, part: str) -> dict[str, JsonValue]:
    config: Config = getattr(recipe, part)
    return {name: value for name, value in config.identity().items() if f"{part}.{name}" != QUESTION}


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
