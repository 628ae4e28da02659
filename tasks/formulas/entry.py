"""A catalogue file's schema, and how an entry with windows becomes one formula for each of them."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.common.settings import Config

Status = Literal["executable", "defined", "not public"]
PLACEHOLDER = re.compile(r"\{([a-z])\}")
Values = Annotated[tuple[int, ...], Field(min_length=1, max_length=100)]


class Entry(Config):
    """A formula, or a regular family of them: `{d}` in a text is replaced by each value of `for: {d: [5, 10]}`."""

    name: str = Field(min_length=1, max_length=60, pattern=r"^[A-Z][A-Z0-9_]*(\{[a-z]\})?[A-Z0-9_]*$")
    """In capitals, unique in its family."""
    values: dict[str, Values] = Field({}, alias="for")
    """Values by placeholder."""
    meaning: str = Field(min_length=1, max_length=300)
    """One sentence that a person understands without the expression."""
    expression: str | None = Field(None, min_length=1)
    """In the formula language; without one it is only listed."""
    source: str = ""
    """Paper and pages, or code; by default the family's."""
    number: str = ""
    """The formula's number or name in the source; by default its name."""
    note: str = ""
    """What differs from the source."""
    reason: str = ""
    """Why it is not executable."""
    status: Literal["defined", "not public"] = "defined"
    """Of a formula with a reason: whether its definition can be read by anyone."""
    n_formulas: int = Field(1, ge=1)
    """Formulas that the entry stands for."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.expression is None and not self.reason:
            raise ValueError(f"{self.name} has neither an expression nor a reason why it has none; give one")
        texts = f"{self.name} {self.expression} {self.meaning}"
        if unknown := sorted(set(PLACEHOLDER.findall(texts)) - self.values.keys()):
            raise ValueError(f"{self.name} holds {{{unknown[0]}}}, for which it has no values; add them under `for`")
        if unused := [name for name in self.values if f"{{{name}}}" not in self.name]:
            raise ValueError(
                f"{self.name} has values for {unused[0]!r}, which its name does not hold; names would repeat"
            )
        return self

    @property
    def final_status(self) -> Status:
        """The status of each of its formulas."""
        return self.status if self.reason else "executable"

    def expand(self) -> Iterator["Entry"]:
        """One entry without placeholders for each choice of values."""
        texts = self.model_dump(exclude={"values", "status", "n_formulas"}, exclude_none=True)
        for chosen in product(*self.values.values()):
            pairs = dict(zip(self.values, chosen, strict=True))
            filled = {field: _filled(text, pairs) for field, text in texts.items()}
            yield Entry(**filled, status=self.status, n_formulas=self.n_formulas)


class Family(Config):
    """A catalogue file."""

    family: str = Field(min_length=1, max_length=30, pattern=r"^[a-z][a-z0-9_]*$")
    """Name of the family; a formula's key is `family.NAME`."""
    title: str = Field(min_length=1, max_length=60)
    """What a person calls it."""
    source: str
    """Source of every entry that names no other."""
    entries: tuple[Entry, ...] = Field(min_length=1)
    """The formulas."""

    @model_validator(mode="after")
    def _has_sources(self) -> Self:
        if not self.source and (without := [entry.name for entry in self.entries if not entry.source]):
            raise ValueError(f"{without[0]} has no source, and neither has the family; give one")
        return self


def _filled(text: str, values: dict[str, int]) -> str:
    # Not str.format: it would read attributes of the values.
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
