"""Every command that a page, a message or a template names is one that this version has.

`hindsight` lines are parsed by the application, `make` targets looked up by make, `python -m` modules found. Blocks
must parse as they are; in running text a command may also be named without its arguments.
"""

import ast
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cyclopts import CycloptsError

from hindsight.cli.main import app, main
from tasks.common.settings import project_root

ROOT = project_root()
PAGES = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"),
    *(page for folder in ("docs", "infra", ".github") for page in sorted((ROOT / folder).rglob("*.md"))),
    *sorted((ROOT / ".github").rglob("*.yml")),
]
PACKAGES = ("deployments", "flows", "hindsight", "infra", "tasks")
SOURCES = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
SHELL_ENDS = {"|", ">", "&&", ";", "&", "#"}
ASSIGNMENT = re.compile(r"\w+=.*")
PLACEHOLDERS = {"[OPTIONS]", "[ARGS]", "COMMAND", "..."}
READ_ONLY = ("plan smoke", "store ls", "store gc", "store leases --overdue")


class Named(NamedTuple):
    """A command in a page or a message."""

    where: str
    words: tuple[str, ...]
    in_block: bool


def commands_of(where: str, text: str, in_block: bool) -> Iterator[Named]:
    """The commands in lines of code, with neither variables nor pipes."""
    for line in text.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line.strip().removeprefix("$ "), comments=True)
        except ValueError:
            continue  # an apostrophe: text, or another language
        while words and ASSIGNMENT.fullmatch(words[0]):
            del words[0]
        end = next((number for number, word in enumerate(words) if word in SHELL_ENDS), len(words))
        if end > 1:
            name = words[0].removeprefix(".venv/bin/")
            arguments = [word.strip("[]") for word in words[1:end] if word not in PLACEHOLDERS]
            yield Named(where, (name, *arguments), in_block)


def commands_in_page(page: Path) -> Iterator[Named]:
    text, where = page.read_text(), str(page.relative_to(ROOT))
    for language, block in FENCE.findall(text):
        if language in ("", "bash"):
            yield from commands_of(where, block, in_block=True)
    for code in INLINE.findall(FENCE.sub("", text)):
        yield from commands_of(where, code.replace("\n", " "), in_block=False)


def commands_in_source(file: Path) -> Iterator[Named]:
    for node in ast.walk(ast.parse(file.read_text())):
        if text := message(node):
            for code in INLINE.findall(text):
                yield from commands_of(str(file.relative_to(ROOT)), " ".join(code.split()), in_block=False)


def message(node: ast.AST) -> str:
    """A string of a module, `X` where a value is put in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(message(value) if isinstance(value, ast.Constant) else "X" for value in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


ALL = [
    *(named for page in PAGES for named in commands_in_page(page)),
    *(named for file in SOURCES for named in commands_in_source(file)),
]


def of(name: str) -> list[Named]:
    return sorted({named for named in ALL if named.words[0] == name})


def parse(words: Sequence[str], in_block: bool) -> str:
    """What is wrong with a command line; empty if nothing is."""
    _, apps, left = app.parse_commands(words)
    if not in_block and not left and len(apps) > 1:
        return ""
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return str(error)
    return ""


def test_commands_are_found_in_blocks_in_text_and_in_messages() -> None:
    assert len(of("hindsight")) > 60
    assert len(of("make")) > 20
    assert Named("README.md", ("hindsight", "plan", "smoke"), True) in ALL
    assert any(named.where.endswith("leases.py") for named in of("hindsight"))


def test_every_hindsight_command_parses() -> None:
    wrong = {named: parse(named.words[1:], named.in_block) for named in of("hindsight")}
    assert {named: why for named, why in wrong.items() if why} == {}


@pytest.mark.parametrize("line", ["hindsight stor ls", "hindsight plan smoke --form-stage merge", "hindsight run a b"])
def test_a_command_that_does_not_exist_is_found_out(line: str) -> None:
    (named,) = commands_of("page", f"X=1 .venv/bin/{line} | head", in_block=False)
    assert named.words == tuple(line.split())
    assert parse(named.words[1:], named.in_block) != ""


def make_refuses(commands: Iterable[Named]) -> str:
    """What make says of targets that it does not have; empty if it has all."""
    targets = {word for named in commands for word in named.words[1:] if not ASSIGNMENT.fullmatch(word)}
    run = ["make", "--dry-run", *sorted(target.replace("NAME", "premium") for target in targets)]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def test_every_make_target_exists() -> None:
    assert make_refuses(of("make")) == ""
    assert "No rule to make target 'demmo'" in make_refuses(commands_of("page", "make demmo", in_block=True))


def test_every_module_that_python_is_asked_to_run_can_be_run() -> None:
    # Decisions tell what was before.
    named = {words[2] for where, words, _ in of("python") if words[1] == "-m" and "decisions" not in where}
    own = {module for module in named if module.split(".")[0] in (*PACKAGES, "tests", "docs")}
    assert "tests.vocabulary" in own
    assert [module for module in sorted(own) if not can_run(module)] == []


def test_every_script_that_python_is_asked_to_run_exists() -> None:
    # A bundle's own script is a copy of tasks/bundle/verify.py.
    named = {
        word for _, words, _ in of("python") for word in words[1 + (words[1] == "-I") :][:1] if word.endswith(".py")
    }
    scripts = {"tasks/bundle/verify.py" if name.endswith("verify.py") else name for name in named}
    assert {"docs/recipe.py", "tasks/bundle/verify.py"} <= scripts
    assert [script for script in sorted(scripts) if not (ROOT / script).is_file()] == []


def can_run(module: str) -> bool:
    spec = find_spec(module)
    if spec and spec.submodule_search_locations is not None:
        spec = find_spec(f"{module}.__main__")
    return spec is not None and "__name__" in Path(str(spec.origin)).read_text()


def test_the_commands_that_only_read_run_on_an_empty_store(capsys: pytest.CaptureFixture[str]) -> None:
    named = {" ".join(words[1:]) for _, words, in_block in of("hindsight") if in_block}
    assert set(READ_ONLY) <= named
    assert {line: main(line.split()) for line in READ_ONLY} == dict.fromkeys(READ_ONLY, 0), capsys.readouterr().err


def test_the_readmes_example_measures_a_column_that_knows_the_future() -> None:
    code = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec("".join(code).replace("measure(panel,", "figures = measure(panel,"), names)  # noqa: S102 (the README's own)
    assert names["figures"].point["unscaled", "mine", "disjoint"] > 0.2
