"""Write the tables of docs/formulas.md from the catalogue and the operators: `python docs/formulas.py`."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tasks.formulas.catalogue import load_catalogue
from tasks.formulas.coverage import coverage_rows
from tasks.formulas.operators import OPERATORS

PAGE = Path(__file__).with_suffix(".md")


def blocks() -> dict[str, str]:
    """The tables by name."""
    catalogue = load_catalogue()
    coverage = [row | {"family": row["family"].replace("all", "**all**")} for row in coverage_rows(catalogue)]
    by_meaning: dict[str, list[str]] = defaultdict(list)
    for each in OPERATORS.values():
        if each.name.isidentifier():
            by_meaning[each.meaning].append(f"`{each.signature}`")
    operators = [{"operators": ", ".join(names), "what": meaning} for meaning, names in by_meaning.items()]
    listed = {each.group: each for each in catalogue.formulas.values() if each.status != "executable"}
    reasons = [
        {"formula": f"`{group}`", "status": each.status, "why": each.entry.reason} for group, each in listed.items()
    ]
    return {"coverage": _table(coverage), "operators": _table(operators), "listed": _table(reasons)}


def page() -> str:
    """The page with its tables anew."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in blocks().items():
        before, rest = text.split(f"<!-- {name} -->\n")
        text = f"{before}<!-- {name} -->\n{table}<!-- /{name} -->{rest.split(f'<!-- /{name} -->')[1]}"
    return text


def _table(rows: Iterable[dict[str, str]]) -> str:
    cells = [list(row.values()) for row in rows]
    head = list(next(iter(rows)))
    lines = [head, ["---"] * len(head), *cells]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
