"""Config files in YAML 1.2: read, validated, and refused in one sentence.

YAML 1.1, which PyYAML reads, takes `020` for 16, `1:20` for 80 and `no` for false, and of a key given twice the last.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from tasks.common.errors import HindsightError
from tasks.common.settings import without_secrets

M = TypeVar("M", bound=BaseModel)
MAX_NODES = 100_000
"""Values of a file, an alias counted as what it repeats: the project's largest recipe has some 200."""


def read_yaml(file: Path, model: type[M], refusal: type[HindsightError], what: str, keys: str) -> M:
    """Read a YAML file as a model.

    Args:
        file: The file.
        model: What it must be.
        refusal: The error's type.
        what: What the file is, such as `recipe`.
        keys: Where its keys are described.

    Raises:
        HindsightError: The `refusal`: the file is absent, not a YAML mapping, or has an unknown key or a bad value.
    """
    content = load_yaml(file, refusal, what)
    if content is None:
        raise refusal(f"{what} {file} is empty; see {keys} for the keys.")
    if not isinstance(content, dict):
        raise refusal(f"{what} {file} holds a {type(content).__name__}, not a mapping.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise refusal(f"{what} {file}: {'; '.join(_sentences(error, what, keys))}.") from error


def load_yaml(file: Path, refusal: type[HindsightError], what: str) -> Any:
    """Read a YAML 1.2 file.

    Args:
        file: The file.
        refusal: The error's type.
        what: What the file is, such as `recipe`.

    Raises:
        HindsightError: The `refusal`: the file is absent, is not YAML, or gives a key twice.
    """
    reader = YAML(typ="safe", pure=True)
    try:
        text = file.read_text(encoding="utf-8")
        root = reader.compose(text)
        _check_size(root)
        twice = list(_keys_given_twice(root))
        # Of the nodes that were checked: a second reading takes as long again.
        content = None if root is None or twice else reader.constructor.construct_document(root)
    except OSError as error:
        raise refusal(f"{what} {file} cannot be read: {error.strerror}; the project's are in configs/.") from error
    except RecursionError as error:
        raise refusal(f"{what} {file} is not YAML that can be read: it is nested too deep.") from error
    except Exception as error:
        # Of ruamel, but also what Python says to a day that does not exist, to bytes, or to `!!int x`.
        raise refusal(f"{what} {file} is not YAML: {' '.join(str(error).split())}.") from error
    if twice:
        raise refusal(f"{what} {file}: {'; '.join(twice)}. Leave one of them out.")
    return content


def _check_size(root: Node | None) -> None:
    """Raise ValueError if aliases make more than MAX_NODES values of a file: ten lines are a billion then."""
    sizes: dict[int, int] = {}

    def size(node: Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = 1  # an alias may name what contains it
            parts = node.value if isinstance(node, SequenceNode | MappingNode) else []
            values = [each for part in parts for each in (part if isinstance(part, tuple) else (part,))]
            sizes[id(node)] = 1 + sum(map(size, values))
        return sizes[id(node)]

    if root is not None and (n_nodes := size(root)) > MAX_NODES:
        raise ValueError(f"its aliases make {n_nodes:.3g} values of it, at most {MAX_NODES:,} are read")


def _keys_given_twice(node: Node | None) -> Iterator[str]:
    """A clause with both lines for every key that a mapping gives twice."""
    ahead, seen = [("", node)], set[int]()
    while ahead:
        path, node = ahead.pop()
        # An alias is its anchor's node, which may contain it.
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            ahead += [(f"{path}[{index}]", item) for index, item in enumerate(node.value)]
        elif isinstance(node, MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                name, line = f"{path}.{key.value}".lstrip("."), key.start_mark.line + 1
                if first := lines.get((str(key.tag), str(key.value))):
                    yield f"{name} is given twice, on lines {first} and {line}"
                lines[str(key.tag), str(key.value)] = line
                ahead.append((name, value))


def _sentences(error: ValidationError, what: str, keys: str) -> list[str]:
    lines = [(".".join(map(str, line["loc"])) or what, line["msg"], line["input"]) for line in error.errors()]
    return [_sentence(place, message, value, keys) for place, message, value in lines]


def _sentence(place: str, message: str, value: object, keys: str) -> str:
    if message.startswith("Extra inputs"):
        return f"{place} is an unknown key; see {keys} for the keys"
    if message == "Field required":
        return f"{place} is missing"
    return f"{place} = {without_secrets(repr(value))}: {message[0].lower()}{message[1:]}"
