"""The settings in which two recipes differ."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Differences = dict[str, tuple[object, object]]
"""Dotted path to the two values: the recipe's and the reference's."""
ABSENT = "absent"


def differences(recipe: BaseModel, reference: BaseModel | None) -> Differences:
    """Every setting in which a recipe differs from another of its pipeline, except its name.

    Where a part has another `kind`, that is listed with the settings that are not the kind's defaults.

    Args:
        recipe: The recipe.
        reference: The other one; None for the defaults, where required settings have none.
    """
    found = _of_models(recipe, reference or _defaults_of(recipe), "")
    found.pop("name", None)
    return found


def _defaults_of(recipe: BaseModel) -> BaseModel:
    required = {name: getattr(recipe, name) for name, field in type(recipe).model_fields.items() if field.is_required()}
    return type(recipe)(**required)


def as_text(found: Mapping[str, tuple[object, object]]) -> str:
    """One line: `train.learning_rate = 0.002 (0.001)`, the reference's value in brackets."""
    return "; ".join(f"{path} = {_plain(value)} ({_plain(other)})" for path, (value, other) in found.items())


def _of_models(model: BaseModel, other: BaseModel, path: str) -> Differences:
    if type(model) is not type(other):
        return _of_another_kind(model, other, path)
    return {
        field_path: pair
        for name in type(model).model_fields
        for field_path, pair in _of_values(getattr(model, name), getattr(other, name), f"{path}{name}").items()
    }


def _of_another_kind(model: BaseModel, other: BaseModel, path: str) -> Differences:
    found: Differences = {f"{path}kind": (getattr(model, "kind", ABSENT), getattr(other, "kind", ABSENT))}
    for name, field in type(model).model_fields.items():
        value, others = getattr(model, name), getattr(other, name, ABSENT)
        is_default = not field.is_required() and value == field.get_default(call_default_factory=True)
        if name != "kind" and not is_default and value != others:
            found[f"{path}{name}"] = (value, others)
    return found


def _of_values(value: object, other: object, path: str) -> Differences:
    if value == other:
        return {}
    if isinstance(value, BaseModel) and isinstance(other, BaseModel):
        return _of_models(value, other, f"{path}.")
    return {path: (value, other)}


def _plain(value: Any) -> str:
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_defaults=True)
    return ", ".join(map(_plain, value)) if isinstance(value, tuple | list) else str(value)
