"""Every pinned package's licence is on the page; one that is not permissive is named with what follows."""

import re
import runpy

import pytest

from tasks.common.settings import project_root
from tests.test_dependencies import pins

PERMISSIVE = {
    "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC",
    "LLVM-exception", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "UPL-1.0", "Unlicense", "Zlib",
}  # fmt: skip
LISTS = ("constraints.txt", "constraints-trainer.txt", "constraints-export.txt")


def rows() -> list[tuple[str, str, str]]:
    text = (project_root() / "docs" / "licences.md").read_text()
    return re.findall(r"^\| ([\w.-]+) \| (\d[\w.!]*) \| ([^|]+) \|$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", LISTS)
def test_every_pin_is_on_the_page_at_its_version(name: str) -> None:
    listed = {(re.sub(r"[-_.]+", "-", package).lower(), version) for package, version, _ in rows()}
    assert sorted(set(pins(name).items()) - listed) == [], "run `python docs/licences.py`"


def test_a_licence_is_permissive_or_named_with_what_follows_from_it() -> None:
    notable = runpy.run_path(str(project_root() / "docs" / "licences.py"))["NOTABLE"]
    others = [row for row in rows() if set(re.split(r" AND | OR | WITH |; ", row[2])) - PERMISSIVE]
    assert {row[0] for row in others} > {"certifi", "tqdm", "chardet", "axolotl"}
    assert [row for row in others if not any(re.search(pattern, row[2]) for pattern in notable)] == []


@pytest.mark.trainer
def test_the_page_is_what_the_installed_packages_say() -> None:
    page = runpy.run_path(str(project_root() / "docs" / "licences.py"))["page"]()
    assert (project_root() / "docs" / "licences.md").read_text() == page, "run `python docs/licences.py`"
