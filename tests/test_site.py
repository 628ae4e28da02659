"""The docs as a site: it is built without a warning, and a page opened from disk needs nothing from elsewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import hindsight
from tasks.common.settings import project_root


def build(folder: Path, config: str = "mkdocs.yml") -> "subprocess.CompletedProcess[str]":
    """`make docs` into another folder."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--config-file", config, "--site-dir", str(folder)],
        cwd=project_root(),
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Strict: a page outside the navigation, a dead link or anchor, or an unknown name would end the build."""
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


class Loaded(HTMLParser):
    """What a page loads, and its paragraphs."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe"):
            self.urls.append(values.get("src") or "")
        if tag == "link" and values.get("rel") not in ("prev", "next", "canonical"):
            self.urls.append(values.get("href") or "")


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    urls = {(page, url) for page in pages if page.name != "404.html" for url in Loaded(page).urls if url}
    assert [(page.name, url) for page, url in urls if not (page.parent / url.split("?")[0]).exists()] == []


def test_the_diagram_is_drawn_and_no_script_would_fetch_mermaid(site: Path) -> None:
    page = (site / "docs" / "architecture.html").read_text()
    assert "tasks/premium</" in page.partition("<svg id=")[2].partition("</svg>")[0]
    assert [page.name for page in site.rglob("*.html") if 'class="mermaid"' in page.read_text()] == []


def test_lists_and_tables_are_read_as_on_the_code_host(site: Path) -> None:
    raw = re.compile(r"<p>[^<]*\n(?:- |\||\d+\. )")
    assert [page.name for page in site.rglob("*.html") if raw.search(page.read_text())] == []


def test_every_public_name_has_a_place_in_the_reference(site: Path) -> None:
    reference = "".join(page.read_text() for page in site.rglob("reference/*.html"))
    anchors = set(re.findall(r'id="([\w.]+)"', reference))
    assert [name for name in hindsight.__all__ if f"hindsight.{name}" not in anchors] == []
    assert "tasks.store.store.Store.publish" in anchors


def test_a_search_finds_words_of_a_page_without_a_server(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text()
    assert index.startswith("var __index = ")
    assert "purged" in index
    assert "window.Worker=" in (site / "docs" / "site" / "iframe-worker.js").read_text()


@pytest.mark.parametrize("link", ["measure.md#no-such-section", "no-such-page.md"])
def test_a_dead_link_ends_the_build(tmp_path: Path, link: str) -> None:
    """The same settings over a folder of two pages."""
    for name in ("README.md", "docs/measure.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"# A page\n\n[link](docs/{link})\n")
    settings = (project_root() / "mkdocs.yml").read_text().partition("\nnav:")[0]
    (tmp_path / "mkdocs.yml").write_text(
        re.sub(r"hooks: \[(.*)\]", rf"hooks: [{project_root()}/\1]", settings) + "\nnav: [README.md, docs/measure.md]\n"
    )
    done = build(tmp_path / "site", str(tmp_path / "mkdocs.yml"))
    assert done.returncode == 1
    assert link.split("#")[-1] in done.stderr
