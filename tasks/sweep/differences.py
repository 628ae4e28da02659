"""What differs between two recipes, setting by setting."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from tasks.recipe import Recipe

Differences = dict[str, tuple[object, object]]
"""Dotted path to the value here and the value it is held against."""
ABSENT = "absent"


def differences(recipe: Recipe, reference: Recipe) -> Differences:
    """Every setting in which a recipe differs from another, its name apart.

    Where another variant of a part was chosen, its `kind` is told, and what in it is not that variant's default.

    Args:
        recipe: What was run.
        reference: What it is held against.
    """
    found = _of_models(recipe, reference, "")
    found.pop("name", None)
    return found


def as_text(found: Mapping[str, tuple[object, object]]) -> str:
    """One line: `train.learning_rate = 0.002 (0.001)`, what it is held against in brackets."""
    return "; ".join(f"{path} = {_plain(value)} ({_plain(other)})" for path, (value, other) in found.items())


def _of_models(model: BaseModel, other: BaseModel, path: str) -> Differences:
    if type(model) is not type(other):
        return _of_another_kind(model, other, path)
    return {
        place: pair
        for name in type(model).model_fields
        for place, pair in _of_values(getattr(model, name), getattr(other, name), f"{path}{name}").items()
    }


def _of_another_kind(model: BaseModel, other: BaseModel, path: str) -> Differences:
    said: Differences = {f"{path}kind": (getattr(model, "kind", ABSENT), getattr(other, "kind", ABSENT))}
    for name, field in type(model).model_fields.items():
        value, others = getattr(model, name), getattr(other, name, ABSENT)
        is_default = not field.is_required() and value == field.get_default(call_default_factory=True)
        if name != "kind" and not is_default and value != others:
            said[f"{path}{name}"] = (value, others)
    return said


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
