"""The `>>>` examples of docstrings run and print what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from tasks.common.settings import project_root


def modules_with_examples() -> list[str]:
    files = [file for root in ("tasks", "flows", "hindsight") for file in (project_root() / root).rglob("*.py")]
    with_examples = [file.relative_to(project_root()) for file in files if ">>> " in file.read_text(encoding="utf-8")]
    return sorted(".".join(Path(file).with_suffix("").parts) for file in with_examples)


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_of_a_module_print_what_they_say(module: str) -> None:
    found = doctest.testmod(import_module(module))
    assert found.attempted > 0
    assert found.failed == 0
