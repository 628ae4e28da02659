"""What a formula is: columns, numbers and calls of operators, and what follows from it without computing it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.formulas.operators import OPERATORS

COLUMNS = ("open", "high", "low", "close", "volume", "vwap", "amount", "returns", "log_returns", "benchmark", "factor")
"""Columns that a formula may name. benchmark: a market's return on the day. factor: values of a factor to measure."""


@dataclass(frozen=True)
class Column:
    """A column of the panel."""

    name: str


@dataclass(frozen=True)
class Number:
    """A number."""

    value: float


@dataclass(frozen=True)
class Call:
    """An operator with its series and its constants. Equal calls are one value, and hashing finds them."""

    operator: str
    series: tuple["Node", ...]
    constants: tuple[float, ...] = ()


Node = Column | Number | Call


def parts(node: Node) -> Iterator[Node]:
    """The node and everything in it, a repeated part as often as it is written."""
    yield node
    if isinstance(node, Call):
        for each in node.series:
            yield from parts(each)


def columns_of(node: Node) -> tuple[str, ...]:
    """The columns that a formula reads, in the order of COLUMNS."""
    read = {each.name for each in parts(node) if isinstance(each, Column)}
    return tuple(name for name in COLUMNS if name in read)


def rows_before(node: Node) -> float:
    """Rows before a row's own that its value is made of; infinite if all of them."""
    if not isinstance(node, Call):
        return 0
    own = OPERATORS[node.operator].rows_before(node.constants)
    return own + max((rows_before(each) for each in node.series), default=0)


def is_across(node: Node) -> bool:
    """Whether a value is made of other entities' values."""
    return any(isinstance(each, Call) and OPERATORS[each.operator].group == "cross-section" for each in parts(node))


def reads_column(node: Node) -> bool:
    """Whether its value differs from row to row."""
    return any(isinstance(each, Column) for each in parts(node))
