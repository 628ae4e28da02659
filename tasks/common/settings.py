"""Base classes of all configs, and paths that the environment sets."""

import os
import re
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue
from pydantic.fields import FieldInfo

NOT_IDENTITY: dict[str, JsonValue] = {"identity": False}
"""`Field(json_schema_extra=NOT_IDENTITY)`: the field changes where or how fast, never an artifact's bytes."""
UNLESS_DEFAULT: dict[str, JsonValue] = {"identity": "unless default"}
"""The same for a field added after artifacts existed: at its default the bytes, and so the identity, are as before."""


class Frozen(BaseModel):
    """Immutable, no unknown keys, help texts from the strings below the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Config(Frozen):
    """A part of a recipe; bounds are declared in its fields, and NaN passes none of them."""

    # pydantic lets NaN pass `ge` and `le`. A URL that is refused for the secret in it is an input.
    model_config = ConfigDict(allow_inf_nan=False, hide_input_in_errors=True)

    def identity(self) -> dict[str, JsonValue]:
        """The fields that change an artifact's bytes, nested configs included, as JSON values."""
        dumped = self.model_dump(mode="json")
        return {
            name: _identity_of(getattr(self, name), dumped[name])
            for name, field in type(self).model_fields.items()
            if _is_identity(field, getattr(self, name))
        }


def _is_identity(field: FieldInfo, value: Any) -> bool:
    extra = field.json_schema_extra
    rule = extra.get("identity", True) if isinstance(extra, dict) else True
    return bool(rule) and not (rule == "unless default" and value == field.default)


def _identity_of(value: Any, dumped: JsonValue) -> JsonValue:
    return value.identity() if isinstance(value, Config) else dumped


def check_absolute(path: str | None, sha256: str | None) -> None:
    """Raise ValueError for a relative path whose content no digest pins, and for a URL that may hold a secret.

    The path is part of an artifact's identity: the same relative path names other files in another folder.
    """
    check_no_secret(path or "")
    if path and "://" not in path and not Path(path).expanduser().is_absolute() and not sha256:
        raise ValueError(
            f"{path!r} is relative, so that another folder's files would count as the same; write "
            f"{str(Path(path).absolute())!r}, or give their sha256"
        )


def check_no_secret(url: str) -> None:
    """Raise ValueError for a URL with user information or a query string: records, errors and logs show URLs."""
    url = "".join(url.split())
    if (shown := without_secrets(url)) != url:
        raise ValueError(
            f"{shown!r} has user information or a query string, which records and logs would show; give keys by the "
            "environment (AWS_*, HF_TOKEN), or download the file and name its path and sha256"
        )


def without_secrets(text: str) -> str:
    """The text, with `...` for user information and query strings of the URLs in it."""
    text = re.sub(r"://[^/?#\s]*@", "://...@", text)
    return re.sub(r"(://[^?\s]*)\?\S*", r"\1?...", text)


def renamed(field: str, **new_of: str) -> BeforeValidator:
    """Refuse a field's former values by naming the present ones.

    Args:
        field: The field's name.
        new_of: Present value by former value, such as `seed="reference"`.
    """

    def check(value: Any) -> Any:
        if isinstance(value, str) and value in new_of:
            raise ValueError(f"{field} {value!r} is now called {new_of[value]!r}")
        return value

    return BeforeValidator(check)


def project_root() -> Path:
    """The folder with prefect.yaml, prefect.toml and configs/: a checkout, or what an installed package carries.

    HINDSIGHT_ROOT names another, such as the checkout in a GPU node's image.
    """
    if named := os.environ.get("HINDSIGHT_ROOT"):
        return Path(named)
    folder = Path(__file__).resolve().parents[2]
    return folder if is_checkout(folder) else folder / "hindsight" / "project"


def is_checkout(folder: Path) -> bool:
    """Whether a folder is a checkout of this project."""
    return (folder / "prefect.yaml").is_file() and (folder / "flows" / "stages.py").is_file()


def state_dir() -> Path:
    """Files of this machine other than artifacts: server, logs, cache, benchmarks.

    HINDSIGHT_STATE names it. Otherwise it is `.hindsight` of the checkout that the code or the shell is in, or else the
    user's data folder.
    """
    if named := os.environ.get("HINDSIGHT_STATE"):
        return Path(named)
    for folder in (project_root(), Path.cwd()):
        if is_checkout(folder):
            return folder / ".hindsight"
    return user_data_path("hindsight", appauthor=False)
