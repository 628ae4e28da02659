"""Budgets of a month: who spent what, and when a person is asked."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.costs.budgets import BadBudgets, Budgets, Expense, MonthlyBudget, load_budgets, views

MONTH = datetime(2026, 12, 1, tzinfo=UTC)
FX = MonthlyBudget(name="fx", tag="team:fx", dollars=20)
ALL = MonthlyBudget(name="all", dollars=100)
EXPENSES = [
    Expense("ada", "forex-r1-7b", 10.0, frozenset({"team:fx"})),
    Expense("ada", "forex-r1-7b", 2.0, frozenset({"team:fx"})),
    Expense("grace", "smoke", 3.5, frozenset({"team:fx", "recipe:smoke"})),
    Expense("sweep", "fineweb", 50.0, frozenset()),
]


def test_a_tags_budget_holds_its_own_runs_and_names_who_spent_what() -> None:
    fx, everything = views(Budgets(budgets=(FX, ALL)), EXPENSES, ["team:fx"], 4.78, MONTH)
    assert (fx.spent, everything.spent) == (15.5, 65.5)
    assert (fx.exceeds, everything.exceeds) == (True, False)
    assert str(fx) == (
        "budget fx of runs with tag team:fx has $20.00 in 2026-12, of which $15.50 are spent (ada: $12.00 "
        "(forex-r1-7b); grace: $3.50 (smoke)); up to $4.78 would be added"
    )


def test_another_teams_run_is_not_held_by_it() -> None:
    assert [view.budget.name for view in views(Budgets(budgets=(FX, ALL)), EXPENSES, ["team:x"], 1, MONTH)] == ["all"]


@pytest.mark.parametrize(
    ("adds", "exceeds"), [(4.5, False), (4.51, True), (0.0, False), (float("nan"), True), (float("inf"), True)]
)
def test_a_budget_is_exceeded_by_one_cent_more_and_by_what_is_no_number(adds: float, exceeds: bool) -> None:
    (view,) = views(Budgets(budgets=(FX,)), EXPENSES, ["team:fx"], adds, MONTH)
    assert view.exceeds == exceeds


def test_a_budget_that_is_spent_asks_before_a_stage_without_a_forecast() -> None:
    spent = MonthlyBudget(name="fx", tag="team:fx", dollars=15.5)
    (view,) = views(Budgets(budgets=(spent,)), EXPENSES, ["team:fx"], 0.0, MONTH)
    assert view.exceeds


def test_a_budget_that_nobody_has_touched_says_so() -> None:
    (view,) = views(Budgets(budgets=(ALL,)), [], [], 1.0, MONTH)
    assert "$0.00 are spent (by nobody)" in str(view)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("budgets: [{name: a, dollars: 1}, {name: a, dollars: 2}]", "budget 'a' is listed twice"),
        ("budgets: [{name: a, dollars: -1}]", "dollars = -1: input should be greater than or equal to 0"),
        ("budgets: [{name: a, dollars: .nan}]", "finite number"),
        ("budgets: [{name: a, dolars: 1}]", "dolars is an unknown key"),
    ],
)
def test_bad_budgets_are_refused(tmp_path: Path, text: str, match: str) -> None:
    file = tmp_path / "budgets.yaml"
    file.write_text(text)
    with pytest.raises(BadBudgets, match=match):
        load_budgets(file)


def test_the_project_has_no_budgets_by_default() -> None:
    assert load_budgets().budgets == ()
