"""The words the project does not use are in none of its files."""

from pathlib import Path

import pytest

from tests import vocabulary
from tests.vocabulary import findings, tracked_files


def test_no_file_uses_a_word_of_the_list() -> None:
    assert list(findings(file for file in tracked_files() if file.is_file())) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("class Errand:", []),
        ("an errand for the pool", ["'errand', say request"]),
        ("def refuse_other_base() -> None:", ["'refuse_other_base', say check_x"]),
        ("headroom, a mushroom and a room-mate", []),
        ("the rooms' configs", ["'rooms', say stage"]),
        ("prefer honest intervals", ["'honest', say robust"]),
        ("random_seed, the seed of the draws", []),
    ],
)
def test_a_word_is_found_as_a_word_only(
    line: str, found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "project_root", lambda: tmp_path)
    (tmp_path / "page.md").write_text(line)
    told = list(findings([tmp_path / "page.md"]))
    assert len(told) == len(found)
    assert all(part in sentence for part, sentence in zip(found, told, strict=True))
