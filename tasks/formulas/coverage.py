"""How many formulas of each family can be computed, beside the totals that the reference states."""

from collections import Counter
from typing import get_args

from tasks.common.text import Row
from tasks.formulas.catalogue import Catalogue
from tasks.formulas.entry import Status

REFERENCE = (
    "The reference states 806, 1,183 and 1,197 formulas in different places, and its families sum to 1,173. Its counts "
    "by family are not known here, so that only totals can be compared."
)


def coverage_rows(catalogue: Catalogue) -> list[Row]:
    """A row of counts per family, and one of their sums."""
    counts = {family: Counter[Status]() for family in catalogue.titles}
    for formula in catalogue.formulas.values():
        counts[formula.family][formula.status] += formula.entry.n_formulas
    rows = [_row(catalogue.titles[family], counted) for family, counted in counts.items()]
    return [*rows, _row("all", sum(counts.values(), Counter()))]


def _row(title: str, counted: Counter[Status]) -> Row:
    return {"family": title} | {status: f"{counted[status]:,}" for status in get_args(Status)}
