"""Config files in YAML: read, validated, and refused in one sentence."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, JsonValue, ValidationError

from tasks.common.errors import HindsightError

M = TypeVar("M", bound=BaseModel)


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
    try:
        content: JsonValue = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise refusal(f"{what} {file} cannot be read: {error.strerror}; the project's are in configs/.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a day that does not exist, bytes that are not UTF-8
        raise refusal(f"{what} {file} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict):
        raise refusal(f"{what} {file} holds a {type(content).__name__}, not a mapping.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise refusal(f"{what} {file}: {'; '.join(_sentences(error, what, keys))}.") from error


def _sentences(error: ValidationError, what: str, keys: str) -> list[str]:
    lines = [(".".join(map(str, line["loc"])) or what, line["msg"], line["input"]) for line in error.errors()]
    return [_sentence(place, message, value, keys) for place, message, value in lines]


def _sentence(place: str, message: str, value: object, keys: str) -> str:
    if message.startswith("Extra inputs"):
        return f"{place} is an unknown key; see {keys} for the keys"
    if message == "Field required":
        return f"{place} is missing"
    return f"{place} = {value!r}: {message[0].lower()}{message[1:]}"
