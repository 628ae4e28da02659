"""The catalogue's formulas, read from its files, found by name, and counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from ruamel.yaml import YAML

from tasks.common.yaml_file import read_yaml
from tasks.formulas.entry import Entry, Family, Status
from tasks.formulas.errors import BadCatalogue, NotExecutable, UnknownFormula
from tasks.formulas.files import FILES, FOLDER
from tasks.formulas.language import parse
from tasks.formulas.nodes import Node, columns_of


@dataclass(frozen=True)
class Formula:
    """A formula of the catalogue.

    Args:
        key: `family.NAME`, unique.
        family: Its family.
        group: The catalogue entry that it was made from, with all its windows: `family.NAME{d}`.
        entry: Its texts.
        source: Where it is defined, with its number there.
        node: The parsed expression; None if it has none.
    """

    key: str
    family: str
    group: str
    entry: Entry
    source: str
    node: Node | None

    @property
    def status(self) -> Status:
        """Whether it can be computed, or why not."""
        return self.entry.final_status

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns that it reads."""
        return columns_of(self.node) if self.node else ()

    @property
    def executable(self) -> Node:
        """Its expression.

        Raises:
            NotExecutable: If it has none that can be computed.
        """
        if self.node is None or self.entry.reason:
            raise NotExecutable(
                f"formula {self.key} cannot be computed: {self.entry.reason} It is listed as {self.status}."
            )
        return self.node


class Catalogue:
    """Formulas by key, in the files' order.

    Args:
        formulas: With unique keys.
        titles: What a person calls a family.
    """

    def __init__(self, formulas: Iterable[Formula], titles: Mapping[str, str]) -> None:
        self.formulas = {formula.key: formula for formula in formulas}
        self.titles = dict(titles)

    def find(self, name: str) -> Formula:
        """The formula of a key, or of a name that only one family has; capitals do not matter.

        Raises:
            UnknownFormula: If there is none, or several families have one.
        """
        found = self._by_name.get(name.lower(), [])
        if len(found) == 1:
            return self.formulas[found[0]]
        if found:
            raise UnknownFormula(f"formula {name!r} is in several families; name one of {', '.join(found)}.")
        near = get_close_matches(name.lower(), self._by_name, n=3, cutoff=0.5)
        nearest = [key for each in near for key in self._by_name[each]]
        hint = f"did you mean {', '.join(nearest[:3])}?" if nearest else "`hindsight formulas` lists the families."
        raise UnknownFormula(f"formula {name!r} is not in the catalogue; {hint}")

    def choose(self, names: Iterable[str]) -> dict[str, Node]:
        """Expressions by key, of formulas by name and of families: of a family, all that can be computed.

        Raises:
            UnknownFormula: If a name is neither.
            NotExecutable: If a formula cannot be computed.
        """
        chosen: dict[str, Node] = {}
        for name in names:
            if name in self.titles:
                chosen |= {key: node for key, node in self.executable.items() if key.startswith(f"{name}.")}
            else:
                formula = self.find(name)
                chosen[formula.key] = formula.executable
        return chosen

    @cached_property
    def executable(self) -> dict[str, Node]:
        """The expressions that can be computed, by key."""
        return {key: each.executable for key, each in self.formulas.items() if each.status == "executable"}

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for key in self.formulas:
            for name in (key.lower(), key.partition(".")[2].lower()):
                names.setdefault(name, []).append(key)
        return names


def load_catalogue(files: Iterable[Path] = FILES) -> Catalogue:
    """Read and parse catalogue files.

    Args:
        files: YAML files of a family each.

    Raises:
        BadCatalogue: If a file breaks the schema, or a family or a name is given twice.
        BadFormula: If an expression is not one of the language, named with its entry, file and line.
    """
    formulas: dict[str, Formula] = {}
    titles: dict[str, str] = {}
    for file in files:
        if not file.is_file():
            raise BadCatalogue(f"formula catalogue {file} is not a file; the project's are in {FOLDER}.")
        family = read_yaml(file, Family, BadCatalogue, "formula catalogue", "docs/formulas.md")
        if family.family in titles:
            raise BadCatalogue(f"formula catalogue {file}: family {family.family!r} is in another file; rename it.")
        titles[family.family] = family.title
        for entry, line in zip(family.entries, _lines(file), strict=True):
            for formula in _formulas(family, entry, f"{file}, line {line}: "):
                if formula.key in formulas:
                    raise BadCatalogue(f"{file}, line {line}: formula {formula.key} is given twice; rename one.")
                formulas[formula.key] = formula
    return Catalogue(formulas.values(), titles)


def _formulas(family: Family, entry: Entry, place: str) -> Iterable[Formula]:
    for each in entry.expand():
        key = f"{family.family}.{each.name}"
        source = f"{each.source or family.source}{_number(family, each)}"
        node = parse(each.expression, f"{place}formula {key}") if each.expression else None
        yield Formula(key, family.family, f"{family.family}.{entry.name}", each, source, node)


def _number(family: Family, entry: Entry) -> str:
    """A family with one source numbers its formulas by it."""
    number = entry.number or (entry.name if family.source and not entry.source else "")
    return f", {number}" if number else ""


def _lines(file: Path) -> list[int]:
    """The line of each entry of a file that is known to be valid."""
    tree = YAML(typ="safe", pure=True).compose(file.read_text(encoding="utf-8"))
    (entries,) = (value for key, value in tree.value if key.value == "entries")
    return [entry.start_mark.line + 1 for entry in entries.value]
