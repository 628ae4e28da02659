"""Sets a recipe's fields by dotted path; an invalid path or value gives a one-sentence error."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue, ValidationError

from tasks.common.settings import without_secrets
from tasks.recipe import Recipe
from tasks.sweep.errors import BadSweep


class BadSetting(BadSweep):
    """A path that no recipe has, or a value out of bounds."""


def apply_settings(recipe: Recipe, settings: Mapping[str, JsonValue]) -> Recipe:
    """A recipe with other values at some paths.

    Setting a part's `kind` to another one drops the part's other fields, which belonged to the old kind.

    Args:
        recipe: The recipe to change.
        settings: Dotted path to value; a part's `kind` is set before its other fields.

    Raises:
        BadSetting: If a path is unknown or a value is out of bounds.
    """
    tree: JsonValue = recipe.model_dump(mode="json")
    # The kind determines which other fields exist.
    for path in sorted(settings, key=lambda path: (path.split(".")[-1] != "kind", path.count("."))):
        tree = _set(tree, path.split("."), settings[path], path)
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        raise BadSetting("; ".join(_sentences(error, settings))) from error


def _set(tree: JsonValue, parts: Sequence[str], value: JsonValue, path: str) -> JsonValue:
    if not parts:
        return value
    first, *rest = parts
    if tree is None:
        tree = {}  # a part that the recipe leaves out; validation names the fields it also needs
    if not isinstance(tree, dict):
        raise BadSetting(
            f"{path} is an unknown key: {path.removesuffix('.' + '.'.join(parts))} is {tree!r}, which has no keys"
        )
    if first == "kind" and not rest and tree.get("kind") != value:
        return {"kind": value}
    return {**tree, first: _set(tree.get(first), rest, value, path)}


def _sentences(error: ValidationError, settings: Mapping[str, JsonValue]) -> list[str]:
    return [_sentence(_path([str(part) for part in line["loc"]], settings), line) for line in error.errors()]


def _path(location: Sequence[str], settings: Mapping[str, JsonValue]) -> str:
    """The path as it was given: pydantic's path also has the kind of a part (`train.arm.lora.rank`)."""
    given = [path for path in settings if _is_within(path.split("."), location)]
    return max(given, key=len) if given else ".".join(location)


def _is_within(parts: Sequence[str], location: Sequence[str]) -> bool:
    rest = iter(location)
    return all(part in rest for part in parts) and parts[-1] == location[-1]


def _sentence(path: str, line: Mapping[str, object]) -> str:
    message = str(line["msg"]).removeprefix("Value error, ")
    if message.startswith("Extra inputs"):
        return f"{path} is an unknown key; docs/recipe.md lists the keys"
    # An error of a whole part comes from a rule between its fields, and names them.
    value = "" if isinstance(line["input"], dict) else f" = {without_secrets(repr(line['input']))}"
    return f"{path}{value}: {message[0].lower()}{message[1:]}"
