"""What the documents promise exists."""

import re
import runpy
from pathlib import Path

import pytest

from tasks.common.settings import project_root

PAGES = [*project_root().glob("*.md"), *project_root().glob("docs/**/*.md"), *project_root().glob("infra/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_recipes_page_is_what_the_config_tree_says() -> None:
    page = runpy.run_path(str(project_root() / "docs" / "recipe.py"))["page"]()
    assert (project_root() / "docs" / "recipe.md").read_text() == page, "run `python docs/recipe.py`"


def test_the_plan_on_paper_is_what_its_rates_say() -> None:
    page = runpy.run_path(str(project_root() / "docs" / "scale.py"))["page"]()
    assert (project_root() / "docs" / "scale.md").read_text() == page, "run `python docs/scale.py`"


@pytest.mark.parametrize("decision", sorted((project_root() / "docs" / "decisions").glob("*.md")), ids=lambda d: d.stem)
def test_a_decision_fits_on_forty_lines(decision: Path) -> None:
    assert len(decision.read_text().splitlines()) <= 40


@pytest.mark.parametrize("file", sorted(project_root().glob("constraints*.txt")), ids=lambda file: file.name)
def test_pins_are_names_and_versions_and_say_nothing_of_where_they_come_from(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
