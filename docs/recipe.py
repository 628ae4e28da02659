"""Writes docs/recipe.md from the config tree: every key of a recipe with its default, bounds and meaning."""

import typing
from collections.abc import Iterator
from pathlib import Path

from annotated_types import Ge, Gt, Le, Lt, MinLen, MultipleOf
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tasks.adapter_release import AdapterRelease
from tasks.audit import Audit
from tasks.direction_check import DirectionCheck
from tasks.live_update import LiveUpdate
from tasks.recipe import Recipe

HEAD = """# The recipe

Every key of a recipe. A file in configs/ holds only what differs from the defaults, which are the reference's LoRA arm.
The form in the UI has the same keys. The key `pipeline` says which pipeline a file is for: `leakage-premium` if it is
left out, whose keys come first; [leakage-audit](#leakage-audit), [direction-check](#direction-check),
[adapter-release](#adapter-release) and [live-update](#live-update) follow, without the parts that they share.
`python docs/recipe.py` writes this page.
"""


def page() -> str:
    """The whole page."""
    seen: set[type[BaseModel]] = set()
    named = {
        "recipe": Recipe,
        "leakage-audit": Audit,
        "direction-check": DirectionCheck,
        "adapter-release": AdapterRelease,
        "live-update": LiveUpdate,
    }
    return HEAD + "".join(part for name, config in named.items() for part in _sections(config, name, seen))


def _sections(config: type[BaseModel], path: str, seen: set[type[BaseModel]]) -> Iterator[str]:
    if config in seen:
        return
    seen.add(config)
    summary = (config.__doc__ or "").strip().splitlines()[0]
    yield f"\n## {path}\n\n{summary}\n\n| key | default | bounds | meaning |\n|---|---|---|---|\n"
    yield from (_row(name, field) for name, field in config.model_fields.items())
    for name, field in config.model_fields.items():
        for nested in _configs(field.annotation):
            variant = f" ({nested.model_fields['kind'].default})" if "kind" in nested.model_fields else ""
            yield from _sections(nested, f"{path}.{name}{variant}".removeprefix("recipe."), seen)


def _row(name: str, field: FieldInfo) -> str:
    nested = _configs(field.annotation)
    default = "see below" if nested else "required" if field.is_required() else _short(field.default)
    cells = (name, default, "" if nested else _bounds(field), field.description or "")
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"`{text}`" if len(text) <= 90 else f"`{text[:60]}…` ({len(value) if isinstance(value, tuple) else 'long'})"


def _bounds(field: FieldInfo) -> str:
    texts = [f"`{option}`" for option in typing.get_args(field.annotation)] if _is_literal(field.annotation) else []
    for bound in field.metadata:
        for kind, word in (
            (Ge, "≥"),
            (Gt, ">"),
            (Le, "≤"),
            (Lt, "<"),
            (MultipleOf, "multiple of"),
            (MinLen, "length ≥"),
        ):
            if isinstance(bound, kind):
                texts.append(
                    f"{word} {next(iter(vars(bound).values())) if hasattr(bound, '__dict__') else _value(bound)}"
                )
        if pattern := getattr(bound, "pattern", None):
            texts.append(f"`{pattern}`")
    return ", ".join(texts)


def _value(bound: object) -> object:
    return getattr(bound, next(iter(type(bound).__dataclass_fields__)))  # type: ignore[attr-defined]


def _is_literal(annotation: object) -> bool:
    return typing.get_origin(annotation) is typing.Literal


def _configs(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in typing.get_args(annotation) for found in _configs(part)]


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
