"""`import hindsight` costs nothing, and every public name is loaded, documented and typed."""

import ast
import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

import hindsight

HEAVY = ("numpy", "pandas", "sklearn", "pydantic", "prefect", "torch", "tasks", "flows")


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after some code."""
    printed = f"{code}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    return set(subprocess.check_output([sys.executable, "-c", printed], text=True).split())


def test_the_import_loads_nothing_else():
    assert modules_after("import hindsight; dir(hindsight)") & set(HEAVY) == set()


def test_no_public_name_needs_prefect_torch_or_a_server():
    loaded = modules_after("import hindsight\nfor name in hindsight.__all__: getattr(hindsight, name)")
    assert "pandas" in loaded
    assert loaded & {"prefect", "torch", "transformers", "matplotlib", "flows"} == set()


def test_the_names_that_type_checkers_see_are_the_public_ones_and_those_that_are_loaded():
    tree = ast.parse(Path(hindsight.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert sorted(seen) == hindsight.__all__
    assert seen == hindsight._MODULE_OF


@pytest.mark.parametrize("name", hindsight.__all__)
def test_a_public_name_is_documented_with_an_example_that_runs(name):
    value = getattr(hindsight, name)
    assert value.__name__ == name
    assert name in dir(hindsight)
    text = inspect.getdoc(value)
    assert len(text.splitlines()[0]) < 121
    # Configs and errors have no examples: Prefect's forms show a config's docstring.
    if not issubclass(value if inspect.isclass(value) else object, (BaseModel, Exception)):
        assert doctest.DocTestParser().get_examples(text), f"{name} has no `>>>` example"


def test_an_unknown_name_is_refused_with_the_public_ones():
    with pytest.raises(AttributeError, match=r"module 'hindsight' has no attribute 'mesure'; .* audit, build_"):
        hindsight.mesure  # noqa: B018
