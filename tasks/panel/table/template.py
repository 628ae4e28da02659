"""Sentences from a template: a format string over columns, without attributes, indices and code."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

NUMBER_SPEC = re.compile(r"[+ ]?,?(\.\d{1,2})?[eEfFgG%]")
"""Formats a template may use, such as `.2f`: none of them can ask for a sentence of any length."""
DATED_CLAUSE = "On {date}, "
"""A template that starts with it, and has no other day, has its undated sentence in the rest."""


@dataclass(frozen=True)
class Part:
    """A piece of a template: text, then a column's value if there is one.

    Args:
        text: As written.
        column: Column whose value follows.
        spec: Format of a number; empty for a value as it is written.
    """

    text: str
    column: str | None
    spec: str


def parse_template(template: str) -> list[Part]:
    """Read a template.

    Raises:
        ValueError: If it is no format string, or uses more of one than column names and formats of numbers.
    """
    parts = []
    for text, column, spec, conversion in Formatter().parse(template):
        if column is not None:
            _check_field(column, spec or "", conversion)
        parts.append(Part(text, column, spec or ""))
    return parts


def columns_of(template: str | None) -> dict[str, bool]:
    """The columns that a template uses, and whether each is formatted as a number."""
    found: dict[str, bool] = {}
    for part in parse_template(template or ""):
        if part.column is not None:
            found[part.column] = found.get(part.column, False) or bool(part.spec)
    return found


def undated_template(template: str | None) -> str | None:
    """The template without its day; None if its day is elsewhere than in a first `On {date}, `."""
    if template is None:
        return None
    rest = template.removeprefix(DATED_CLAUSE)
    return None if "date" in columns_of(rest) else rest


def render(template: str, values: Mapping[str, list[Any]], n_rows: int) -> Iterator[str]:
    """One sentence per row.

    Args:
        template: As `parse_template` accepts it.
        values: (n_rows,) values by column: numbers where the template formats numbers, else text.
        n_rows: Number of rows.
    """
    parts = parse_template(template)
    for row in range(n_rows):
        yield "".join(
            part.text + ("" if part.column is None else format(values[part.column][row], part.spec)) for part in parts
        )


def _check_field(column: str, spec: str, conversion: str | None) -> None:
    if not column or column.isdigit() or any(mark in column for mark in ".[]{}") or conversion:
        raise ValueError(
            f"{{{column}{'!' + conversion if conversion else ''}}} is no column's name: a template holds names in "
            "braces, such as {entity}, with nothing of theirs looked up or converted; rename a column that has a dot"
        )
    if spec and not NUMBER_SPEC.fullmatch(spec):
        raise ValueError(
            f"{{{column}:{spec}}} has format {spec!r}; write a number's, such as .2f, +.1% or ,.0f, or none for a "
            "value as it is in the table"
        )
