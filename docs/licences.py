"""Writes docs/licences.md: the licence of every pinned package, as both installed environments' metadata state it."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution, distributions

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tasks.common.settings import project_root

HEAD = """# Licences

hindsight is Apache-2.0. It installs the packages below and contains none of them. `python docs/licences.py` writes this
page from what the packages' metadata say at the pinned versions. It is no legal advice.

## Licences to know

All others are permissive: they ask that their text is kept.

| licence | packages | what follows |
|---|---|---|
"""
NOTABLE = {
    r"MPL": "Its terms cover its own files when they are changed or passed on; here they are neither.",
    r"(?<!L)GPL-2.0.*OR Artistic": "A choice of two, of which the Artistic License is taken.",
    r"(?<!L)GPL-3.0": "A program that a test runs unchanged, in a process of its own; the images do not contain it.",
    r"LGPL": "Used unchanged, as libraries of the trainer's process. An image that is passed on must contain their "
    "licence and let its user replace them.",
    r"Axolotl": "The folder `axolotl/integrations`, from which the trainer's plugin derives a class, may **not be used "
    "to offer others a service for training models**, free or sold. All else of axolotl is Apache-2.0.",
    r"not stated": "Neither metadata nor wheel name a licence; the package that requires it (kernels) is Apache-2.0.",
}
"""Patterns of licences that are not plainly permissive, and what follows from them."""
BY_HAND = {
    "axolotl": "Apache-2.0 AND Axolotl Community License",
    "axolotl-contribs-lgpl": "LGPL-3.0",
    "kernels-data": "not stated",
    "text-unidecode": "GPL-2.0-or-later OR Artistic",
    "torchao": "BSD-3-Clause",
}
"""Read in the packages' licence files, because their metadata do not say it, or not all of it."""
SPDX = {
    r"(the )?mit( license)?( \(mit\))?": "MIT",
    r"apache( software)?( license)?(,? (version )?2\.0)?( license)?|apache-2\.0 license": "Apache-2.0",
    r"(the )?(3-clause bsd|bsd 3-clause|new bsd)( license)?": "BSD-3-Clause",
    r"(the )?(2-clause bsd|bsd 2-clause)( license)?": "BSD-2-Clause",
    r"bsd( license)?": "BSD",
    r"isc( license)?( \(iscl\))?": "ISC",
    r"psfl|python software foundation license": "PSF-2.0",
    r"mozilla public license 2\.0 \(mpl 2\.0\)": "MPL-2.0",
    r"gnu lesser general public license v2 or later \(lgplv2\+\)": "LGPL-2.1-or-later",
    r"universal permissive license \(upl\)": "UPL-1.0",
    r"the unlicense \(unlicense\)": "Unlicense",
}
"""What packages write, and the name of the licence in SPDX's list."""


def page() -> str:
    """The whole page."""
    product, pipeline = product_names(), packages(".venv")
    sections = {
        "The pipeline": {name: found for name, found in pipeline.items() if name in product},
        "Tests, documentation and development": {
            name: found for name, found in pipeline.items() if name not in product
        },
        "The trainer": packages(".venv-trainer"),
        "The export": packages(".venv-export"),
    }
    rows = "".join(_notable_rows([found for section in sections.values() for found in section.values()]))
    return HEAD + rows + "".join(_section(title, found) for title, found in sections.items())


def packages(folder: str) -> dict[str, Distribution]:
    """The pinned packages of an environment, and torch, by name."""
    pins = (project_root() / f"constraints{folder.removeprefix('.venv')}.txt").read_text()
    names = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", pins, re.MULTILINE)} | {"torch"}
    (site,) = (project_root() / folder / "lib").glob("python3.*/site-packages")
    found = {canonicalize_name(found.name): found for found in distributions(path=[str(site)])}
    return {name: found[name] for name in sorted(names)}


def product_names() -> set[str]:
    """What the project and its extra `dask` require, directly or through others."""
    project = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]
    return closure([*project["dependencies"], *project["optional-dependencies"]["dask"]])


def closure(requirements: Iterable[str]) -> set[str]:
    """Names of the packages that requirements need on this Python or on 3.11.0, by what is installed here."""
    pending, seen = {key for text in requirements for key in _keys(Requirement(text))}, set[tuple[str, str]]()
    while pending:
        name, extra = key = pending.pop()
        seen.add(key)
        needed = map(Requirement, distribution(name).requires or ())
        wanted = [found for found in needed if found.marker is None or _holds(found.marker, extra)]
        pending |= {key for requirement in wanted for key in _keys(requirement)} - seen
    return {name for name, _ in seen}


def _holds(marker: Marker, extra: str) -> bool:
    return any(marker.evaluate({"extra": extra, **python}) for python in ({}, {"python_full_version": "3.11.0"}))


def licence_of(package: Distribution) -> str:
    """The licence: the SPDX expression, the classifiers, a short text, or the first line of the licence's text."""
    metadata = package.metadata
    classifiers = [entry for entry in metadata.get_all("Classifier") or [] if entry.startswith("License :: ")]
    named = "; ".join(entry.split(" :: ")[-1] for entry in classifiers if entry.count(" :: ") > 1)
    text = metadata.get("License-Expression") or named or metadata.get("License") or _licence_file(package)
    first = text.strip().partition("\n")[0].strip()
    return BY_HAND.get(canonicalize_name(package.name)) or "; ".join(map(_spdx, first.split("; ")))


def _licence_file(package: Distribution) -> str:
    return next((file.read_text() for file in package.files or () if file.name.startswith("LICENSE")), "")


def _spdx(text: str) -> str:
    return next((name for pattern, name in SPDX.items() if re.fullmatch(pattern, text, re.IGNORECASE)), text)


def _keys(requirement: Requirement) -> set[tuple[str, str]]:
    return {(canonicalize_name(requirement.name), extra) for extra in ("", *requirement.extras)}


def _notable_rows(found: list[Distribution]) -> Iterator[str]:
    licences = {package.name: licence_of(package) for package in found}
    for pattern, reason in NOTABLE.items():
        names = sorted({name for name, licence in licences.items() if re.search(pattern, licence)}, key=str.lower)
        text = sorted({licences[name] for name in names})
        yield f"| {', '.join(text)} | {', '.join(names)} | {reason} |\n"


def _section(title: str, found: dict[str, Distribution]) -> str:
    rows = (f"| {package.name} | {_version(package)} | {licence_of(package)} |\n" for package in found.values())
    return f"\n## {title}\n\n| package | version | licence |\n|---|---|---|\n{''.join(rows)}"


def _version(package: Distribution) -> str:
    return package.version.partition("+")[0]


if __name__ == "__main__":
    (project_root() / "docs" / "licences.md").write_text(page())
