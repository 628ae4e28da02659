"""Items have one true completion among wrong ones of its kind, and a file's rows are items or refused."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tasks.probe.errors import BadFacts
from tasks.probe.items.config import ClozeFacts, FileFacts
from tasks.probe.items.facts import cloze_facts, read_facts
from tests.probe.corpora import document

ENDS = ("rivers", "colony", "treaty", "nation", "Senate", "border")
TEXT = " ".join(f"In the year of this address we spoke at length of the {end}." for end in ENDS)
DOCUMENTS = [document(f"a{year}", f"{year}-01-05", TEXT) for year in (1801, 1802)]
ROW = {
    "id": "f1",
    "date": "2019-05-02",
    "prompt": "The bank's rate was",
    "answer": " five",
    "wrong": [" four", " nine"],
}


def test_an_item_is_a_sentence_without_its_last_word_beside_ends_of_the_same_length() -> None:
    facts, dropped = cloze_facts(DOCUMENTS, ClozeFacts(n_per_period=4), seed=0)
    assert [own.date.year for own in facts] == [1801] * 4 + [1802] * 4
    for own in facts:
        assert f"{own.prompt}{own.answer}." in TEXT
        assert own.answer.strip() in ENDS
        assert len(own.wrong) == 3
        assert {len(each.encode()) for each in own.wrong} == {len(own.answer.encode())}
        assert own.answer not in own.wrong
        assert own.n_bytes == len(f"{own.prompt}{own.answer}".encode())
    assert dropped == {"no_wrong_answers": 0, "beyond_n_per_period": 4}


def test_wrong_answers_are_of_the_same_period() -> None:
    others = [document("b1900", "1900-01-01", TEXT.replace("rivers", "motors").replace("colony", "planes"))]
    facts, _ = cloze_facts([*DOCUMENTS, *others], ClozeFacts(n_per_period=6), seed=0)
    for own in facts:
        if own.date.year == 1801:
            assert not {" motors", " planes"} & set(own.wrong)


def test_sentences_that_are_no_items_are_counted_by_reason() -> None:
    text = (
        f"{TEXT} Too short it is. "
        + "We owed in that year, as all of us know, 1,200. "
        + "It was as I said in the end an ox."
    )
    facts, dropped = cloze_facts([document("a", "1801-01-01", text)], ClozeFacts(), seed=0)
    assert len(facts) == 6
    assert dropped == {"length": 1, "no_plain_last_word": 1, "no_wrong_answers": 1, "beyond_n_per_period": 0}


def test_no_item_at_all_is_refused() -> None:
    with pytest.raises(BadFacts, match=r"no item could be made.*Lower probe\.items\.facts\.n_wrong"):
        cloze_facts([document("a", "1801-01-01", "Short.")], ClozeFacts(), seed=0)


def write(folder: Path, *rows: object) -> Path:
    file = folder / "facts.jsonl"
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return file


def test_a_files_rows_are_items_by_day(tmp_path: Path) -> None:
    file = write(tmp_path, ROW, ROW | {"id": "f0", "date": "2018-01-01"})
    found = read_facts(FileFacts(path=str(file), sha256=sha256(file.read_bytes()).hexdigest()))
    assert [own.id for own in found] == ["f0", "f1"]
    assert found[1].wrong == (" four", " nine")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no row; give it items"),
        (["no json"], "row 1: row: "),
        (
            [ROW, {name: value for name, value in ROW.items() if name != "date"}],
            "row 2: date: Field required. A row has",
        ),
        ([ROW | {"wrong": []}], "row 1: wrong: "),
        ([ROW | {"wrong": [" five"]}], "item 'f1' has a completion twice"),
        ([ROW, ROW], "has the id 'f1' twice; give each item its own"),
    ],
)
def test_a_file_that_is_no_list_of_facts_is_refused(tmp_path: Path, rows: list, message: str) -> None:
    with pytest.raises(BadFacts, match=message):
        read_facts(FileFacts(path=str(write(tmp_path, *rows))))


def test_another_file_than_the_named_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFacts, match=r"has sha256 .*; take the file it names"):
        read_facts(FileFacts(path=str(write(tmp_path, ROW)), sha256="0" * 64))
    with pytest.raises(BadFacts, match="cannot be read: No such file"):
        read_facts(FileFacts(path=str(tmp_path / "absent.jsonl")))
