"""Lines of JSON, plain and gzipped: each is read once, and every bad line is named."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tasks.corpus.config import ARTIFACT_TYPE, CorpusConfig, JsonlSource
from tasks.corpus.errors import CorpusError, DamagedSource, SourceChanged, SourceUnreachable
from tasks.corpus.sources.jsonl import JsonlReader
from tasks.corpus.sources.reader import RowGroup
from tasks.corpus.write.writer import write_corpus
from tasks.schemas.artifacts import TextShards
from tests.corpus.conftest import files_of


def documents(n: int, first: int = 0) -> list[dict[str, str]]:
    return [
        {"id": f"d{k}", "date": "2016-05-04", "text": f"Document {k} says little."} for k in range(first, first + n)
    ]


def write_lines(file: Path, rows: list[Any]) -> Path:
    content = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    file.write_bytes(gzip.compress(content.encode()) if file.suffix == ".gz" else content.encode())
    return file


def build(tmp_path: Path, path: Path, name: str = "corpus", **settings: Any) -> tuple[dict[str, Any], TextShards]:
    sha256 = settings.pop("sha256", None)
    (tmp_path / name).mkdir()
    source = JsonlSource(path=str(path), sha256=sha256)
    config = CorpusConfig(**({"source": source, "token_budget": 1_000, "validation_share": 0.1} | settings))
    return write_corpus(config, tmp_path / name), TextShards(tmp_path / name)


def test_every_line_of_every_file_is_read_once(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    write_lines(folder / "a.jsonl", documents(700))
    write_lines(folder / "b.jsonl.gz", documents(300, 700))
    facts, shards = build(tmp_path, folder, token_budget=5_300)
    ids = [document.id for part in (shards, shards.validation()) for document in part.documents()]
    assert len(set(ids)) == len(ids) == facts["n_documents"] + facts["n_validation_documents"]
    assert len(ids) > 700
    assert [file["path"] for file in shards.ledger()["dumps"][0]["files"]] == ["a.jsonl", "b.jsonl.gz"]


def test_gzipped_lines_give_the_same_documents_in_the_same_order(tmp_path: Path) -> None:
    for name in ("plain", "packed"):
        (tmp_path / name).mkdir()
    plain = write_lines(tmp_path / "plain" / "a.jsonl", documents(400))
    packed = write_lines(tmp_path / "packed" / "a.jsonl.gz", documents(400))
    drawn = [list(build(tmp_path, path, name)[1].documents()) for path, name in ((plain, "one"), (packed, "two"))]
    assert {document.id for document in drawn[0]} <= {f"d{k}" for k in range(400)}
    assert len(drawn[0]) == len(drawn[1])


def test_validation_is_apart_from_training_and_beyond_the_budget(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", documents(900))
    facts, shards = build(tmp_path, file, token_budget=2_000, validation_share=0.2)
    none, without = build(tmp_path, file, "none", token_budget=2_000, validation_share=0.0)
    training = {document.id for document in shards.documents()}
    apart = {document.id for document in shards.validation().documents()}
    assert not training & apart
    assert 0.1 < len(apart) / len(training | apart) < 0.3
    assert facts["n_tokens"] >= 2_000 <= none["n_tokens"]
    assert list(without.validation().documents()) == []
    assert [ids.dtype for ids in shards.validation().token_ids()] == ["uint32"] * len(apart)
    # Which documents are held out depends only on their ids: without validation they come in the same order.
    order = [document.id for document in without.documents()]
    assert [one for one in order if one in training] == [d.id for d in shards.documents()][: len(set(order) & training)]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([{"id": "a", "date": "2016-01-01"}], DamagedSource, r"a\.jsonl, line 1, has no 'text' that is a string"),
        ([*documents(3), "{broken"], DamagedSource, r"a\.jsonl, line 4, is not JSON"),
        ([*documents(2), "[1, 2]"], DamagedSource, r"line 3, has no 'id'"),
        (documents(3), CorpusError, r"jsonl holds \d+ tokens on or before cutoff=2017-07-02, token_budget=1,000"),
    ],
)
def test_a_bad_line_or_too_few_are_refused(tmp_path: Path, rows: list[Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        build(tmp_path, write_lines(tmp_path / "a.jsonl", rows), validation_share=0.0)


def test_bad_documents_are_dropped_and_counted(tmp_path: Path) -> None:
    bad = [
        {"id": "empty", "date": "2016-01-01", "text": " "},
        {"id": "late", "date": "2018-01-01", "text": "Too late."},
        {"id": "when", "date": "soon", "text": "Undated."},
        {"id": "half", "date": "2016-01-01", "text": "half a pair: \ud800"},
    ]
    facts, _ = build(tmp_path, write_lines(tmp_path / "a.jsonl", [*documents(200), *bad]))
    dropped = {reason: facts["dropped"][reason] for reason in facts["dropped"] if reason != "beyond_budget"}
    assert dropped == {"after_cutoff": 1, "empty_text": 1, "unreadable_date": 1, "unreadable_text": 1}


def test_another_file_than_the_recipe_asks_for_is_refused_and_has_another_key(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", documents(200))
    with pytest.raises(SourceChanged, match=r"a\.jsonl has sha256 .*, the recipe asks for 0{64}"):
        build(tmp_path, file, sha256="0" * 64)
    one, two = (CorpusConfig(source=JsonlSource(path=str(file), sha256=digit * 64)) for digit in "01")
    assert ARTIFACT_TYPE.spec(one).key != ARTIFACT_TYPE.spec(two).key


def test_a_path_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match=r"is not a file, and not a folder with \*\.jsonl"):
        build(tmp_path, tmp_path / "nowhere")


def test_a_cut_gzip_is_named(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl.gz", documents(200))
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DamagedSource, match=r"a\.jsonl\.gz cannot be unpacked"):
        build(tmp_path, file)
    assert files_of(tmp_path / "corpus") == {}


def test_a_gzip_with_a_flipped_byte_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl.gz", documents(200))
    content = bytearray(file.read_bytes())
    # The first block's kind: 3 is none. zlib finds it, not gzip.
    content[10] |= 0b110
    file.write_bytes(content)
    reader = JsonlReader(JsonlSource(path=str(file)), 0, tmp_path / "scratch")
    with pytest.raises(DamagedSource, match=r"a\.jsonl\.gz cannot be unpacked: Error -3 .* Fetch the file again"):
        reader.row_groups(str(file))
    assert files_of(tmp_path / "scratch") == {}


def test_a_file_that_lost_lines_since_they_were_counted_is_refused(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", documents(300))
    reader = JsonlReader(JsonlSource(path=str(file)), 0, tmp_path / "scratch")
    assert sorted(place.n_rows for place in reader.row_groups(str(file))) == [44, 256]
    write_lines(file, documents(100))
    with pytest.raises(DamagedSource, match=r"a\.jsonl ends before line 101, and had 256 or more when its lines were"):
        list(reader.documents(str(file), RowGroup(0, 0, 256)))
