"""`hindsight versions`: what a person at a terminal sees."""

import csv
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from hindsight.cli.main import main
from tasks.store.store import open_store
from tests.versions.adapters import LINE, adapter


@pytest.fixture
def paths(own_state: Path, tmp_path: Path) -> list[str]:
    """Two adapters in a store."""
    store = open_store()
    return [adapter(store, tmp_path, number).path for number in range(2)]


def test_two_adapters_are_registered_promoted_compared_and_rolled_back(
    paths: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in paths:
        assert main(["versions", "register", LINE, path, "-m", "a new adapter", "--by", "ada"]) == 0
    for name in ("v1", "v2"):
        assert main(["versions", "promote", LINE, name, "--why", "reviewed", "--by", "ada"]) == 0
    rollback = ["versions", "rollback", LINE, "-m", "worse since Tuesday", "--expected", "v2", "--by"]
    assert main([*rollback, "grace"]) == 0
    assert main([*rollback, "the same evening"]) == 1
    assert "adapters v1: production (move 5, by grace)" in capsys.readouterr().out
    resume = ["versions", "resume", LINE, "-m", "seen", "--by", "grace"]
    assert [main(resume), main(resume)] == [0, 1]
    found = capsys.readouterr()
    assert "adapters v1: production (move 6, by grace)" in found.out
    assert "adapters has no rollback that awaits a look" in found.err
    table = tmp_path / "versions.csv"
    assert main(["versions", "ls", "--csv", str(table)]) == 0
    with table.open(encoding="utf-8") as file:
        rows = {row["version"]: row for row in csv.DictReader(file)}
    assert {name: (row["state"], row["why"]) for name, row in rows.items()} == {
        "v1": ("production", "seen"),
        "v2": ("deprecated", "worse since Tuesday"),
    }
    capsys.readouterr()
    assert main(["versions", "diff", LINE, "v1", "v2"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["what", "adapter", "corpus"]
    assert main(["versions", "show", LINE, "v2"]) == 0
    shown = capsys.readouterr().out
    assert f"adapter: {paths[1]}" in shown
    assert [row.split()[0] for row in shown.splitlines()[-3:]] == ["2", "4", "5"]


def test_a_move_is_made_and_it_is_said_if_nobody_could_be_told(
    paths: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in paths:
        assert main(["versions", "register", LINE, path, "-m", "for the test"]) == 0
    assert main(["versions", "promote", LINE, "v1", "-m", "first"]) == 0
    assert "no server runs, so that nobody was told" in capsys.readouterr().err
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with temporary_settings(updates={PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert main(["versions", "promote", LINE, "v2", "-m", "better"]) == 0
    found = capsys.readouterr()
    assert "adapters v2: production" in found.out
    assert "the move is made, and nobody was told of it: no Prefect server answers at http://127.0.0.1:9" in found.err


def test_a_refused_move_is_one_sentence_and_exit_status_1(paths: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["versions", "promote", LINE, "v1", "-m", "too early"]) == 1
    assert "no versions of 'adapters'" in capsys.readouterr().err
    assert main(["versions", "register", LINE, paths[0], "-m", ""]) == 1
    assert capsys.readouterr().err.startswith("hindsight: ")


def test_a_move_needs_a_reason(paths: list[str]) -> None:
    assert main(["versions", "register", LINE, paths[0]]) == 2
