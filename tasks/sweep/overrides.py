"""Set a recipe's fields by dotted path, and say in a sentence which path and value were refused."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue, ValidationError

from tasks.recipe import Recipe
from tasks.sweep.errors import BadSweep


class BadSetting(BadSweep):
    """A path that no recipe has, or a value out of its bounds."""


def with_settings(recipe: Recipe, settings: Mapping[str, JsonValue]) -> Recipe:
    """A recipe with other values at some paths.

    Setting a part's `kind` to another one drops what else stood in that part, for it belonged to the old kind.

    Args:
        recipe: Where to start from.
        settings: Dotted path to value; a part's `kind` is set before its other fields.

    Raises:
        BadSetting: If a path leads nowhere or a value is out of bounds.
    """
    tree: JsonValue = recipe.model_dump(mode="json")
    # A kind decides which neighbours there can be.
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
        tree = {}  # a part that the recipe leaves out: what it needs besides is told by its own bounds
    if not isinstance(tree, dict):
        raise BadSetting(f"{path} is no known key: {path.removesuffix('.' + '.'.join(parts))} holds {tree!r}, no part")
    if first == "kind" and not rest and tree.get("kind") != value:
        return {"kind": value}
    return {**tree, first: _set(tree.get(first), rest, value, path)}


def _sentences(error: ValidationError, settings: Mapping[str, JsonValue]) -> list[str]:
    return [_sentence(_path([str(part) for part in line["loc"]], settings), line) for line in error.errors()]


def _path(place: Sequence[str], settings: Mapping[str, JsonValue]) -> str:
    """The path as it was given: pydantic's names the variant of a part too (`train.arm.lora.rank`)."""
    given = [path for path in settings if _is_within(path.split("."), place)]
    return max(given, key=len) if given else ".".join(place)


def _is_within(parts: Sequence[str], place: Sequence[str]) -> bool:
    rest = iter(place)
    return all(part in rest for part in parts) and parts[-1] == place[-1]


def _sentence(path: str, line: Mapping[str, object]) -> str:
    message = str(line["msg"]).removeprefix("Value error, ")
    if message.startswith("Extra inputs"):
        return f"{path} is no known key; see docs/recipe.md for the keys there are"
    # A whole part is refused by a rule between its fields, which names them.
    value = "" if isinstance(line["input"], dict) else f" = {line['input']!r}"
    return f"{path}{value}: {message[0].lower()}{message[1:]}"
