"""Budgets by calendar month, of all runs or of those with a tag: configs/budgets.yaml."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from tasks.common.errors import HindsightError
from tasks.common.settings import Config, project_root
from tasks.common.yaml_file import read_yaml
from tasks.costs.prices import Name

BUDGETS_VARIABLE = "HINDSIGHT_BUDGETS"
MAX_NAMED = 5
"""Who spent what: the largest sums that a sentence names."""


class BadBudgets(HindsightError):
    """The budgets cannot be read or are not valid."""


class MonthlyBudget(Config):
    """Dollars that runs may spend in a calendar month (UTC)."""

    name: Name
    dollars: float = Field(ge=0, le=100_000_000)
    tag: str | None = Field(None, min_length=1, max_length=100)
    """Runs with this tag, such as `team:fx` or `recipe:forex-r1-7b`; null for all runs."""

    def holds(self, tags: Collection[str]) -> bool:
        """Whether it bounds a run with these tags."""
        return self.tag is None or self.tag in tags


class Budgets(Config):
    """All budgets."""

    budgets: tuple[MonthlyBudget, ...] = ()

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [budget.name for budget in self.budgets]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"budget {twice!r} is listed twice; rename one")
        return self


@dataclass(frozen=True)
class Expense:
    """Dollars spent this month.

    Args:
        who: A person, a schedule.
        what: The run.
        dollars: Spent.
        tags: Of the run and of those that wait for it.
    """

    who: str
    what: str
    dollars: float
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class BudgetView:
    """A budget, what its runs have spent this month, and what a step would add at most.

    Args:
        budget: The budget.
        month: Its first moment.
        expenses: Of its runs.
        adds: What may be added: the step's forecast, and what is under way.
    """

    budget: MonthlyBudget
    month: datetime
    expenses: Sequence[Expense]
    adds: float

    @property
    def spent(self) -> float:
        """By all of its runs."""
        return sum(expense.dollars for expense in self.expenses)

    @property
    def exceeds(self) -> bool:
        """Whether a person must be asked: the sum exceeds the budget, or the budget is spent."""
        # Written so that a sum that is not a number exceeds every budget.
        return not (self.spent + self.adds <= self.budget.dollars and self.spent < self.budget.dollars)

    def __str__(self) -> str:
        """Who spent what, in one sentence."""
        whose = f"of runs with tag {self.budget.tag}" if self.budget.tag else "of all runs"
        sums: dict[tuple[str, str], float] = {}
        for expense in self.expenses:
            key = expense.who, expense.what
            sums[key] = sums.get(key, 0.0) + expense.dollars
        largest = sorted(sums.items(), key=lambda item: -item[1])
        named = "; ".join(f"{who}: ${amount:,.2f} ({what})" for (who, what), amount in largest[:MAX_NAMED])
        more = f"; {len(largest) - MAX_NAMED} more" if len(largest) > MAX_NAMED else ""
        return (
            f"budget {self.budget.name} {whose} has ${self.budget.dollars:,.2f} in {self.month:%Y-%m}, of which "
            f"${self.spent:,.2f} are spent ({named or 'by nobody'}{more}); up to ${self.adds:,.2f} would be added"
        )


def load_budgets(file: Path | None = None) -> Budgets:
    """Read the budgets, by default configs/budgets.yaml or what HINDSIGHT_BUDGETS names.

    Raises:
        BadBudgets: If the file is missing or not valid.
    """
    named = os.environ.get(BUDGETS_VARIABLE)
    file = file or (Path(named) if named else project_root() / "configs" / "budgets.yaml")
    return read_yaml(file, Budgets, BadBudgets, "list of budgets", "docs/rent.md")


def views(
    budgets: Budgets, expenses: Sequence[Expense], tags: Collection[str], adds: float, month: datetime
) -> list[BudgetView]:
    """Every budget that bounds a run, with what was spent from it.

    Args:
        budgets: All.
        expenses: Of this month.
        tags: Of the run.
        adds: What the run may add now.
        month: The month's first moment.
    """
    return [
        BudgetView(budget, month, [each for each in expenses if budget.holds(each.tags)], adds)
        for budget in budgets.budgets
        if budget.holds(tags)
    ]
