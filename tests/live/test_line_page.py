"""The page of a line, read from a real store: its looks and watches, and nothing of another line."""

from pathlib import Path

import pytest

from hindsight.cli.main import main
from tasks.common.settings import Frozen
from tasks.schemas.live import LOOK_FILE, LOOK_KIND, SWAP_FILE, SWAP_KIND, LinePage
from tasks.schemas.results import RESULTS_NAME
from tasks.store.refs import ArtifactType
from tasks.store.store import Store, open_store
from tests.report.sample_line import LINE, made_line
from tests.store.small_artifact import SmallConfig
from tests.versions.adapters import adapter

PAGE = made_line()


def published(store: Store, work: Path, number: int, kind: str, file: str, line: str, content: Frozen) -> None:
    folder = work / f"{kind}-{line}-{number}"
    folder.mkdir()
    (folder / file).write_text(content.model_dump_json())
    artifact_type = ArtifactType[SmallConfig](kind, 1, lambda config, inputs: line)
    store.publish(artifact_type.spec(SmallConfig(size=number), {}), folder, {}, 1.0)


def record_file(store: Store, line: str) -> Path:
    """The file of the record of one of a line's looks."""
    return next(Path(store.url.removeprefix("file://")).rglob(f"{LOOK_KIND}/{line}/*/*.json"))


@pytest.fixture
def store(own_state: Path, tmp_path: Path) -> Store:
    """A line with one version, three looks and its watch, newest first; and a damaged look of another line."""
    store = open_store()
    path = adapter(store, tmp_path, 0).path
    assert main(["versions", "register", LINE, path, "-m", "first", "--by", "ada"]) == 0
    for number, look in enumerate(reversed(PAGE.looks)):
        published(store, tmp_path, number, LOOK_KIND, LOOK_FILE, LINE, look)
    published(store, tmp_path, 9, LOOK_KIND, LOOK_FILE, "another", PAGE.looks[0])
    record_file(store, "another").write_text("{}")
    for number, watch in enumerate(reversed(PAGE.watches)):
        published(store, tmp_path, number, SWAP_KIND, SWAP_FILE, LINE, watch)
    return store


def test_the_command_writes_the_page_of_the_lines_own_looks(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["versions", "page", LINE, "--out", str(tmp_path / "page")]) == 0
    assert capsys.readouterr().out.strip().endswith(str(tmp_path / "page" / "versions.html"))
    found = LinePage.model_validate_json((tmp_path / "page" / RESULTS_NAME).read_text())
    assert (found.looks, found.watches) == (PAGE.looks, PAGE.watches)
    assert [(move.action, move.by) for move in found.moves] == [("register", "ada")]
    assert found.production is None


def test_a_line_that_does_not_exist_has_no_page(own_state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_store()
    assert main(["versions", "page", "nothing"]) == 1
    assert "hindsight: " in capsys.readouterr().err


def test_a_look_that_cannot_be_read_is_not_left_out(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_file(store, LINE).write_text("{}")
    assert main(["versions", "page", LINE, "--out", str(tmp_path / "page")]) == 1
    assert f"a record of {LOOK_KIND} cannot be read, and the page of {LINE} would lack it" in capsys.readouterr().err
