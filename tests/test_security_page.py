"""Every test and file that SECURITY.md and the page of faults name exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tasks.common.settings import project_root

NAMED = re.compile(r"\b(tests/[\w/]+\.py)(?:::(\w+))?")


@cache
def functions(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("page", "least"), [("SECURITY.md", 40), ("docs/faults.md", 10)])
def test_every_test_that_a_page_names_exists(page: str, least: int) -> None:
    named = NAMED.findall((project_root() / page).read_text())
    assert len(named) > least
    absent = [file for file, _ in named if not (project_root() / file).is_file()]
    assert absent == []
    assert [f"{file}::{test}" for file, test in named if test and test not in functions(project_root() / file)] == []


def test_every_row_of_who_can_do_what_names_a_test() -> None:
    rows = re.findall(r"^\| (?!who|---)(.+) \|$", (project_root() / "SECURITY.md").read_text(), flags=re.MULTILINE)
    assert len(rows) > 15
    assert [row for row in rows if not NAMED.search(row.rsplit("|", 1)[-1])] == []
