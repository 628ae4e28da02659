"""What the documents promise exists."""

import re
import runpy
from pathlib import Path

import pytest

from tasks.settings import project_root

PAGES = [*project_root().glob("*.md"), *project_root().glob("docs/**/*.md"), *project_root().glob("infra/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_recipes_page_is_what_the_config_tree_says() -> None:
    page = runpy.run_path(str(project_root() / "docs" / "recipe.py"))["page"]()
    assert (project_root() / "docs" / "recipe.md").read_text() == page, "run `python docs/recipe.py`"


@pytest.mark.parametrize("decision", sorted((project_root() / "docs" / "decisions").glob("*.md")), ids=lambda d: d.stem)
def test_a_decision_fits_on_forty_lines(decision: Path) -> None:
    assert len(decision.read_text().splitlines()) <= 40


def test_no_file_names_a_package_registry() -> None:
    named = [
        file.name
        for file in [*PAGES, *project_root().glob("constraints*.txt"), project_root() / "Makefile"]
        if re.search(r"--(extra-)?index-url|--find-links|files\.pythonhosted|pypi\.org", file.read_text())
    ]
    assert named == []
