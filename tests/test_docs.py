"""What the documents promise exists."""

import re
import runpy
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from tasks.common.settings import project_root


def test_the_recipes_page_is_what_the_config_tree_says() -> None:
    page = runpy.run_path(str(project_root() / "docs" / "recipe.py"))["page"]()
    assert (project_root() / "docs" / "recipe.md").read_text() == page, "run `python docs/recipe.py`"


def test_the_commands_page_is_what_the_application_says(monkeypatch: pytest.MonkeyPatch) -> None:
    # From `python -m pytest` cyclopts would take the second and third word for a command's own.
    monkeypatch.setattr(sys, "argv", ["hindsight"])
    page = runpy.run_path(str(project_root() / "docs" / "commands.py"))["page"]()
    assert (project_root() / "docs" / "commands.md").read_text() == page, "run `python docs/commands.py`"


def test_the_plan_on_paper_is_what_its_rates_say() -> None:
    page = runpy.run_path(str(project_root() / "docs" / "scale.py"))["page"]()
    assert (project_root() / "docs" / "scale.md").read_text() == page, "run `python docs/scale.py`"


def test_the_measures_expected_figures_are_what_the_formulas_say() -> None:
    page = runpy.run_path(str(project_root() / "docs" / "measure.py"))["page"]()
    assert (project_root() / "docs" / "measure.md").read_text() == page, "run `python docs/measure.py`"


def test_the_tables_of_formulas_are_what_the_catalogue_says() -> None:
    page = runpy.run_path(str(project_root() / "docs" / "formulas.py"))["page"]()
    assert (project_root() / "docs" / "formulas.md").read_text() == page, "run `python docs/formulas.py`"


@pytest.mark.parametrize("decision", sorted((project_root() / "docs" / "decisions").glob("*.md")), ids=lambda d: d.stem)
def test_a_decision_fits_on_forty_lines(decision: Path) -> None:
    assert len(decision.read_text().splitlines()) <= 40


def test_the_architectures_diagram_is_what_the_imports_say() -> None:
    page = (project_root() / "docs" / "architecture.md").read_text()
    drawn = runpy.run_path(str(project_root() / "docs" / "architecture.py"))["diagram"]()
    assert f"```mermaid\n{drawn}```" in page, "run `python docs/architecture.py`"


def test_no_module_and_no_package_imports_itself_through_others() -> None:
    graph = grimp.build_graph(
        "deployments", "flows", "hindsight", "tasks", exclude_type_checking_imports=True, cache_dir=None
    )
    TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules}).prepare()
    packages: dict[str, set[str]] = {}
    for importer, imported in runpy.run_path(str(project_root() / "docs" / "architecture.py"))["package_edges"]():
        packages.setdefault(importer, set()).add(imported)
    TopologicalSorter(packages).prepare()


def test_every_path_the_architecture_and_the_recipes_for_changes_name_exists() -> None:
    text = "".join((project_root() / "docs" / name).read_text() for name in ("architecture.md", "extend.md"))
    named = set(re.findall(r"`((?:flows|tasks|deployments|configs|tests|docs)/[\w/.-]+)`", text))
    assert len(named) > 10
    assert sorted(path for path in named if not (project_root() / path).exists()) == [
        "deployments/pools/h200.json",
        "tasks/coverage/",
        "tests/coverage/",
    ]
