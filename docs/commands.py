"""Write docs/commands.md: every command of `hindsight` with its help and examples, read from the application."""

import re
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App

from hindsight.cli.main import app

HEAD = """# Commands

What `hindsight --help` and each command's `--help` print, on one page. In a checkout the command is
`.venv/bin/hindsight`. `python docs/commands.py` writes this page.
"""
SECTION = re.compile(r"^#+ (hindsight [^\n]+)\n\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)


def page() -> str:
    """The whole page: what cyclopts writes of each command, and the examples below it, which cyclopts leaves out."""
    found = list(commands(app))
    body_of = dict(SECTION.findall(app.generate_docs()))
    overview = "".join(_row(*command) for command in found)
    sections = "".join(_section(*command, body_of[" ".join(command[0])]) for command in found)
    return f"{HEAD}\n| command | what |\n|---|---|\n{overview}\n{app.help_epilogue}\n{sections}"


def commands(parent: App, words: tuple[str, ...] = ("hindsight",)) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command with its words, such as ("hindsight", "store", "ls"), a group before its own commands."""
    for name in parent:
        if not name.startswith("-"):
            yield (*words, name), parent[name]
            yield from commands(parent[name], (*words, name))


def _row(words: tuple[str, ...], command: App) -> str:
    help_text = (command.help or command.default_command.__doc__ or "").strip()
    return f"| [`{' '.join(words)}`](#{'-'.join(words)}) | {help_text.splitlines()[0]} |\n"


def _section(words: tuple[str, ...], command: App, body: str) -> str:
    one_line_items = re.sub(r"\n {4,}(?=\S)", " ", body).replace("```console", "```").rstrip()
    epilogue = f"\n{command.help_epilogue}\n" if command.help_epilogue else ""
    return f"\n{'#' * len(words)} {' '.join(words)}\n\n{one_line_items}\n{epilogue}"


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
