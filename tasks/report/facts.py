"""What the records say of the run besides its figures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tasks.report.tables.provenance import Row
from tasks.report.text import number, spaced
from tasks.store.records import Record

TITLES = {
    "n_dropped": "Rows dropped, by reason",
    "survivorship": "Survivorship: how far the choice of stocks looked ahead",
}


@dataclass(frozen=True)
class FactTable:
    """Numbers that belong together."""

    title: str
    rows: list[Row]


def base_is_pretrained(records: Iterable[Record]) -> bool | None:
    """Whether the model that training started from had read anything; None where its record does not say."""
    said = [record.facts.get("pretrained") for record in records if record.kind == "base"]
    return said[0] if said and isinstance(said[0], bool) else None


def panel_contract(records: Iterable[Record]) -> str | None:
    """The contract under which the panel was made, where its record names one."""
    said = [record.facts.get("contract") for record in records if record.kind == "panel"]
    return said[0] if said and isinstance(said[0], str) else None


def panel_tables(records: Iterable[Record]) -> list[FactTable]:
    """Every flat mapping of numbers among the panel's facts: what it dropped, who survived, what was planted."""
    facts = [item for record in records if record.kind == "panel" for item in record.facts.items()]
    return [
        FactTable(TITLES.get(name, spaced(name).capitalize()), rows)
        for name, value in facts
        if isinstance(value, dict) and (rows := _rows(value))
    ]


def _rows(values: Mapping[str, object]) -> list[Row]:
    """A row per number; none where something else stands among them."""
    numbers = {
        name: value for name, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }
    if len(numbers) < len(values):
        return []
    return [{"what": spaced(name), "number": number(value)} for name, value in numbers.items()]
