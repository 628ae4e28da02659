"""Local data sets: every format gives the same documents, exactly as written, and every bad row is named."""

import gzip
import hashlib
import json
import random
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tasks.corpus.config import ARTIFACT_TYPE, CorpusConfig, DatasetSource
from tasks.corpus.errors import CorpusError, DamagedSource, SourceChanged, SourceUnreachable, UnknownFormat
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.sources.dataset.dataset_reader import DatasetReader
from tasks.corpus.sources.reader import RowGroup
from tasks.corpus.workers.executors import processes
from tasks.corpus.write.writer import write_corpus
from tasks.panel.config import CsvSource
from tasks.schemas.artifacts import TextShards
from tests.corpus.conftest import files_of

Rows = list[dict[str, Any]]


def documents(n: int, first: int = 0) -> Rows:
    return [
        {"id": f"d{k}", "date": "2016-05-04", "text": f"Document {k} says little."} for k in range(first, first + n)
    ]


def write_lines(file: Path, rows: list[Any]) -> Path:
    content = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    file.write_bytes(gzip.compress(content.encode()) if file.suffix == ".gz" else content.encode())
    return file


def write_stream(table: pa.Table, file: Path) -> None:
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def write_arrow(table: pa.Table, file: Path) -> None:
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Callable[[pa.Table, Path], Any]] = {
    "a.jsonl": lambda table, file: write_lines(file, table.to_pylist()),
    "a.json": lambda table, file: write_lines(file, table.to_pylist()),
    "a.jsonl.gz": lambda table, file: write_lines(file, table.to_pylist()),
    "a.csv": lambda table, file: pa.csv.write_csv(table, file),
    "a.csv.gz": lambda table, file: pa.csv.write_csv(table, pa.CompressedOutputStream(str(file), "gzip")),
    "a.tsv": lambda table, file: pa.csv.write_csv(table, file, pa.csv.WriteOptions(delimiter="\t")),
    "a.parquet": lambda table, file: pq.write_table(table, file, row_group_size=300),
    "a.stream.arrow": write_stream,
    "a.file.arrow": write_arrow,
}


def read(path: Path, scratch: Path, **columns: Any) -> list[RawDocument]:
    """All documents in the order of the file."""
    reader = DatasetReader(DatasetSource(path=str(path), **columns), 0, scratch)
    files = sorted(reader.groups()[0].files)
    in_order = [(file, group) for file in files for group in sorted(reader.row_groups(file), key=lambda g: g.ordinal)]
    return [document for file, group in in_order for document in reader.documents(file, group)]


def build(tmp_path: Path, path: Path, name: str = "corpus", **settings: Any) -> tuple[dict[str, Any], TextShards]:
    (tmp_path / name).mkdir()
    source = DatasetSource(path=str(path), **settings.pop("source", {}))
    config = CorpusConfig(**({"source": source, "token_budget": 1_000, "validation_share": 0.1} | settings))
    return write_corpus(config, tmp_path / name), TextShards(tmp_path / name)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_without_rows_has_no_documents(tmp_path: Path, name: str) -> None:
    WRITERS[name](pa.Table.from_pylist(documents(1)).slice(0, 0), tmp_path / name)
    assert read(tmp_path / name, tmp_path / "scratch") == []


@pytest.mark.parametrize("name", WRITERS)
def test_a_format_gives_every_row_once_and_in_its_order(tmp_path: Path, name: str) -> None:
    rows = [{**row, "text": f'{row["text"]}\n\t"é"\u2028;' * (1 + k % 3)} for k, row in enumerate(documents(700))]
    WRITERS[name](pa.Table.from_pylist(rows), tmp_path / name)
    found = read(tmp_path / name, tmp_path / "scratch")
    assert found == [RawDocument(**row) for row in rows]
    reader = DatasetReader(DatasetSource(path=str(tmp_path / name)), 0, tmp_path / "scratch")
    assert sorted(group.n_rows for group in reader.row_groups(str(tmp_path / name))) == [188, 256, 256]


@pytest.mark.slow
def test_the_same_rows_give_the_same_shards_in_any_format_and_in_worker_processes(tmp_path: Path) -> None:
    def shards(source: DatasetSource, name: str, **options: Any) -> dict[str, bytes]:
        (tmp_path / name).mkdir()
        config = CorpusConfig(source=source, token_budget=5_000, validation_share=0.1, shard_tokens=1_024)
        write_corpus(config, tmp_path / name, **options)
        return {path: content for path, content in files_of(tmp_path / name).items() if "/" in path}

    for name in ("lines", "columns"):
        (tmp_path / name).mkdir()
    # The order of a file's batches depends on its name.
    WRITERS["a.jsonl"](pa.Table.from_pylist(documents(900)), tmp_path / "lines" / "a.data")
    WRITERS["a.parquet"](pa.Table.from_pylist(documents(900)), tmp_path / "columns" / "a.data")
    lines = DatasetSource(path=str(tmp_path / "lines" / "a.data"), format="json")
    columns = DatasetSource(path=str(tmp_path / "columns" / "a.data"), format="parquet")
    expected = shards(lines, "one")
    assert len(expected) > 9
    assert shards(columns, "two") == expected
    assert shards(columns, "three", open_executor=lambda load: processes(2)) == expected


def test_every_line_of_every_file_is_read_once(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    write_lines(folder / "a.jsonl", documents(700))
    write_lines(folder / "b.jsonl.gz", documents(300, 700))
    (folder / "README.md").write_text("Not a document.")
    facts, shards = build(tmp_path, folder, token_budget=5_300)
    ids = [document.id for part in (shards, shards.validation()) for document in part.documents()]
    assert len(set(ids)) == len(ids) == facts["n_documents"] + facts["n_validation_documents"]
    assert len(ids) > 700
    files = shards.ledger()["dumps"][0]["files"]
    assert [file["path"] for file in files] == ["a.jsonl", "b.jsonl.gz"]
    for file in files:
        digest = hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest()
        assert file["digest"] == {"kind": "sha256", "value": digest}


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


def test_a_pattern_names_files_below_their_common_folder(tmp_path: Path) -> None:
    for name, first in (("2015/a.jsonl", 0), ("2016/a.jsonl", 200), ("2016/b.csv", 0)):
        (tmp_path / "t" / name).parent.mkdir(parents=True, exist_ok=True)
        write_lines(tmp_path / "t" / name, documents(200, first))
    found = read(tmp_path / "t" / "**" / "*.jsonl", tmp_path / "scratch", id=None)
    assert [document.text for document in found] == [row["text"] for row in documents(400)]
    assert [found[0].id, found[-1].id] == ["2015/a.jsonl:1", "2016/a.jsonl:200"]


def test_columns_have_the_names_the_recipe_gives_and_other_columns_do_not_matter(tmp_path: Path) -> None:
    rows = [
        {"n": 7, "day": "2016-01-02", "body": "One.", "x": [1]},
        {"n": 8, "day": "2016-01-03", "body": "Two.", "x": "y"},
    ]
    names = {"id": "n", "date": "day", "text": "body"}
    expected = [RawDocument("7", "2016-01-02", "One."), RawDocument("8", "2016-01-03", "Two.")]
    assert read(write_lines(tmp_path / "a.jsonl", rows), tmp_path / "scratch", **names) == expected
    pq.write_table(pa.Table.from_pylist([{**row, "x": [[1]]} for row in rows]), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", tmp_path / "scratch", **names) == expected
    (tmp_path / "a.csv").write_text("x,body,n,day\nNA,One.,7,2016-01-02\n,Two.,8,2016-01-03\n")
    assert read(tmp_path / "a.csv", tmp_path / "scratch", **names) == expected


def test_values_stay_as_they_are_written_whatever_their_neighbours_look_like(tmp_path: Path) -> None:
    # `datasets`' json module would read all of these as timestamps, the second day as 2016-05-05 in UTC.
    rows = [
        {"id": "2016-05-04", "date": "2016-05-04", "text": "2016-05-04T10:00:00"},
        {"id": "2016-05-05", "date": "2016-05-04T23:30:00-05:00", "text": "2016-05-04"},
    ]
    found = read(write_lines(tmp_path / "a.jsonl", rows), tmp_path / "scratch")
    assert found == [RawDocument(**row) for row in rows]
    # pandas would read these as a number, a missing value and a boolean.
    (tmp_path / "a.csv").write_text("id,date,text\n007,2016-05-04,NA\n1.50,2016-05-05,True\n")
    found = read(tmp_path / "a.csv", tmp_path / "scratch")
    assert found == [RawDocument("007", "2016-05-04", "NA"), RawDocument("1.50", "2016-05-05", "True")]


EVENING = datetime(2016, 5, 4, 23, 30)


@pytest.mark.parametrize(
    "dates",
    [
        pa.array([date(2016, 5, 4)]),
        pa.array([date(2016, 5, 4)], pa.date64()),
        pa.array([EVENING], pa.timestamp("s")),
        pa.array([EVENING], pa.timestamp("ns")),
        pa.array([EVENING.replace(tzinfo=timezone(timedelta(hours=-5)))], pa.timestamp("us", "-05:00")),
        pa.array([EVENING], pa.timestamp("us", "UTC")),
        pa.array(["2016-05-04T23:30:00-05:00"]).dictionary_encode(),
        pa.array(["2016-05-04"], pa.large_string()),
    ],
)
@pytest.mark.parametrize("write", [pq.write_table, write_stream])
def test_a_days_type_does_not_change_the_day(tmp_path: Path, dates: pa.Array, write: Callable[..., Any]) -> None:
    file = tmp_path / ("a.parquet" if write is pq.write_table else "a.arrow")
    write(pa.table({"id": [1], "date": dates, "text": ["x"]}), file)
    assert [document.date[:10] for document in read(file, tmp_path / "scratch")] == ["2016-05-04"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "a", "date": "2016-01-01"}], r"a\.jsonl, line 1, has no 'text'\. .*on_null to count"),
        ([*documents(300), "", {"id": "a", "date": 5, "text": ""}], r"line 302, has no 'date' that is a string"),
        ([*documents(2), {"date": "2016-01-01", "text": ""}], r"line 3, has no 'id'\. .*corpus\.source\.id to null"),
        ([*documents(3), "{broken"], r"a\.jsonl, line 4, is not JSON"),
        (["[", *documents(3), "]"], r"a\.jsonl, line 1, is not JSON: .* A document per line is needed"),
        ([*documents(2), "[1, 2]"], r"line 3, is not a JSON object"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, rows: list[Any], message: str) -> None:
    with pytest.raises(DamagedSource, match=message):
        build(tmp_path, write_lines(tmp_path / "a.jsonl", rows))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,text\n1,x\n", r"a\.csv has no column 'date'; it has id, text\. Name the columns"),
        (b'id,date,text\n1,2016-01-01,"two\nlines"\n\n2,2016-01-01,a,b\n', r"a\.csv, line 5, cannot be read as csv"),
        (b"id,date,text\n1,2016-01-01,a,b\n", r"a\.csv, line 2, cannot be read as csv: Length of header"),
        (b'id,date,text\n1,2016-01-01,"a\nb"\n2,2016-01-01,"c\n', r"a\.csv, line 4, cannot be read as csv: .* EOF"),
        (b"id,date,text\n1,2016-01-01,a\n2,2016-01-01,\xff\n", r"a\.csv, line 3, cannot be read as csv: 'utf-8'"),
        (b"", r"a\.csv cannot be read as csv: No columns to parse"),
    ],
)
def test_a_bad_line_of_csv_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DamagedSource, match=message):
        read(tmp_path / "a.csv", tmp_path / "scratch")


def test_a_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "a", "date": "2016-01-01", "text": "x"}\n{"id": "\xff"}\n')
    with pytest.raises(DamagedSource, match=r"a\.jsonl, line 2, is not JSON: 'utf-8' codec can't decode byte 0xff"):
        read(tmp_path / "a.jsonl", tmp_path / "scratch")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": pa.array([None if k == 600 else "x" for k in range(700)])}, r"a\.parquet, row 601, has no 'text'\."),
        ({"date": pa.nulls(700)}, r"a\.parquet, row 1, has no 'date'\."),
        ({"id": pa.array([*range(699), None])}, r"a\.parquet, row 700, has no 'id'\."),
        ({"date": pa.array([1.5] * 700)}, r"has column 'date' of type double; strings or days are needed"),
        ({"text": pa.array([b"x"] * 700)}, r"has column 'text' of type binary; strings are needed"),
        ({"id": pa.array([True] * 700)}, r"has column 'id' of type bool; strings are needed"),
    ],
)
def test_a_bad_row_of_parquet_is_named(tmp_path: Path, columns: dict[str, pa.Array], message: str) -> None:
    table = pa.Table.from_pylist(documents(700))
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DamagedSource, match=message):
        read(tmp_path / "a.parquet", tmp_path / "scratch")


def test_too_few_tokens_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"dataset holds \d+ tokens on or before cutoff=2017-07-02, token_budget=1,000"
    ):
        build(tmp_path, write_lines(tmp_path / "a.jsonl", documents(3)), validation_share=0.0)


def test_bad_documents_are_dropped_and_counted(tmp_path: Path) -> None:
    bad = [
        {"id": "empty", "date": "2016-01-01", "text": " "},
        {"id": "late", "date": "2018-01-01", "text": "Too late."},
        {"id": "when", "date": "soon", "text": "Undated."},
        {"id": "half", "date": "2016-01-01", "text": "half a pair: \ud800"},
        {"id": "no text", "date": "2016-01-01", "text": None},
        {"id": "no date", "text": "Undated."},
    ]
    file = write_lines(tmp_path / "a.jsonl", [*documents(200), *bad])
    facts, _ = build(tmp_path, file, source={"on_null": "count"})
    dropped = {reason: facts["dropped"][reason] for reason in facts["dropped"] if reason != "beyond_budget"}
    assert dropped == {"after_cutoff": 1, "empty_text": 2, "unreadable_date": 2, "unreadable_text": 1}


def test_rows_without_a_value_and_bytes_that_are_no_text_are_dropped_and_counted(tmp_path: Path) -> None:
    not_utf8 = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    bad = pa.table(
        {
            "id": ["no date", "no text", "not utf-8"],
            "date": [None, "2016-01-01", "2016-01-01"],
            "text": pa.concat_arrays([pa.array(["x", None]), not_utf8]),
        }
    )
    pq.write_table(pa.concat_tables([pa.Table.from_pylist(documents(300)), bad]), tmp_path / "a.parquet")
    facts, _ = build(tmp_path, tmp_path / "a.parquet", source={"on_null": "count"})
    dropped = {reason: facts["dropped"][reason] for reason in facts["dropped"] if reason != "beyond_budget"}
    assert dropped == {"empty_text": 1, "unreadable_date": 1, "unreadable_text": 1}


@pytest.mark.parametrize("day", ["1970-01-01", "1900-01-01", "9999-12-31", "0001-01-01"])
def test_a_day_that_stands_for_none_is_refused_counted_or_kept(tmp_path: Path, day: str) -> None:
    rows = [*documents(300), {"id": "none", "date": f"{day}T00:00:00", "text": "When?"}]
    lines, table = write_lines(tmp_path / "a.jsonl", rows), tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows), table)
    for file, place in ((lines, "line 301"), (table, "row 301")):
        with pytest.raises(DamagedSource, match=rf"{place}, has 'date' {day}, which is often written for"):
            read(file, tmp_path / f"{place} refuse")
        days = {
            choice: read(file, tmp_path / f"{place} {choice}", on_placeholder_date=choice)[-1].date
            for choice in ("count", "keep")
        }
        # A document without a day is dropped and counted as unreadable_date.
        assert days == {"count": "", "keep": f"{day}T00:00:00"}


def test_other_bytes_than_the_recipe_asks_for_are_refused_and_have_another_key(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    file = write_lines(folder / "a.jsonl", documents(300))
    write_lines(folder / "b.jsonl", documents(300, 300))
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("a.jsonl", "b.jsonl")}
    listing = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    of_folder = hashlib.sha256(listing.encode()).hexdigest()
    for path, digest in ((file, digests["a.jsonl"]), (folder, of_folder), (folder / "*.jsonl", of_folder)):
        assert read(path, tmp_path / "scratch", sha256=digest)
        with pytest.raises(SourceChanged, match=rf"has sha256 {digest}, the recipe asks for 0{{64}}"):
            read(path, tmp_path / "scratch", sha256="0" * 64)
    one, two = (CorpusConfig(source=DatasetSource(path=str(file), sha256=digit * 64)) for digit in "01")
    assert ARTIFACT_TYPE.spec(one).key != ARTIFACT_TYPE.spec(two).key


def test_a_path_without_files_or_with_several_formats_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    message = r"is not a file, not a folder with json, csv, parquet, arrow files, and not a pattern"
    for path in (tmp_path / "nowhere", folder, folder / "*.csv"):
        with pytest.raises(SourceUnreachable, match=message):
            read(path, tmp_path / "scratch")
    # As Dataset.save_to_disk writes them.
    write_arrow(pa.Table.from_pylist(documents(3)), folder / "data-00000-of-00001.arrow")
    (folder / "state.json").write_text("{}")
    with pytest.raises(
        UnknownFormat, match=r"several formats: arrow \(data-00000.*\) and json \(state\.json\)\. Name one"
    ):
        read(folder, tmp_path / "scratch")
    assert len(read(folder, tmp_path / "scratch", format="arrow")) == 3
    write_lines(tmp_path / "texts.dat", documents(3))
    with pytest.raises(UnknownFormat, match=r"texts\.dat has no extension that datasets knows; name its format"):
        read(tmp_path / "texts.dat", tmp_path / "scratch")
    with pytest.raises(UnknownFormat, match=r"format='parquett' is not a format of datasets; the nearest are parquet"):
        read(tmp_path / "texts.dat", tmp_path / "scratch", format="parquett")


def test_a_format_without_the_columns_is_refused_by_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A line.\n")
    with pytest.raises(DamagedSource, match=r"a\.txt has no column 'id', 'date'; it has text\."):
        read(tmp_path / "a.txt", tmp_path / "scratch")


def test_a_damaged_file_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl.gz", documents(200))
    whole = file.read_bytes()
    flipped = bytearray(whole)
    # The first block's kind: 3 is none. zlib finds it, not gzip.
    flipped[10] |= 0b110
    for content, message in (
        (whole[:-20], r"a\.jsonl\.gz cannot be read as json: Compressed file ended before"),
        (bytes(flipped), r"a\.jsonl\.gz cannot be read as json: Error -3 .* Correct the file, or leave it out"),
    ):
        file.write_bytes(content)
        with pytest.raises(DamagedSource, match=message):
            read(file, tmp_path / "scratch")
        assert files_of(tmp_path / "scratch") == {}
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and no more PAR1")
    with pytest.raises(DamagedSource, match=r"b\.parquet cannot be read as parquet: "):
        read(tmp_path / "b.parquet", tmp_path / "scratch")


def test_a_copy_with_other_rows_than_were_counted_is_refused(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", documents(300))
    reader = DatasetReader(DatasetSource(path=str(file)), 0, tmp_path / "scratch")
    for group in (RowGroup(1, 1, 45), RowGroup(2, 2, 1)):
        with pytest.raises(DamagedSource, match=r"a\.jsonl has fewer rows than when they were counted"):
            list(reader.documents(str(file), group))


def test_local_files_need_no_network_and_leave_the_users_cache_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*arguments: object) -> None:
        raise AssertionError("a connection was opened")

    for where in ("datasets.config", "huggingface_hub.constants"):
        monkeypatch.setattr(f"{where}.HF_HUB_OFFLINE", False)
    for name in ("HF_DATASETS_CACHE", "HF_MODULES_CACHE", "DOWNLOADED_DATASETS_PATH", "EXTRACTED_DATASETS_PATH"):
        monkeypatch.setattr(f"datasets.config.{name}", tmp_path / "cache" / name)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    # A folder with hidden parents and characters of patterns, as a state folder may be.
    folder = tmp_path / ".state" / "[work] *"
    folder.mkdir(parents=True)
    for name in ("a.jsonl.gz", "a.parquet"):
        WRITERS[name](pa.Table.from_pylist(documents(3)), folder / name)
        assert len(read(folder / name, folder / "scratch")) == 3
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            {"kind": "jsonl", "path": "texts", "sha256": "0" * 64},
            r"corpus\.source\.kind 'jsonl' is now called 'dataset'; write kind: dataset, path and sha256 stay as they",
        ),
        ({"kind": "dataset", "path": "hf://datasets/a/b"}, "String should match pattern"),
        ({"kind": "dataset", "path": "hf://datasets/a/b@main"}, "String should match pattern"),
        ({"kind": "dataset", "path": f"hf://datasets/a/b@{'0' * 40}", "sha256": "0" * 64}, "sha256 is for local files"),
        ({"kind": "dataset", "path": "texts", "split": "test"}, "config_name and split are for hub data sets"),
    ],
)
def test_a_recipe_of_the_old_name_or_without_a_commit_is_refused(source: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CorpusConfig.model_validate({"source": source})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.stream.arrow"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    def memory_mb(n_documents: int) -> float:
        # Not repeated, so that the file is not packed.
        texts = [{**row, "text": random.randbytes(2_000).hex()} for row in documents(n_documents)]  # noqa: S311
        table = pa.Table.from_batches(pa.Table.from_pylist(texts).to_batches(1_000))
        if name == "a.parquet":
            pq.write_table(table, tmp_path / name, row_group_size=1_000)
        else:
            WRITERS[name](table, tmp_path / name)
        command = [sys.executable, "-m", "tests.bench.dataset", "--measure", "source", str(tmp_path / name)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return float(json.loads(output.splitlines()[-1])["memory_mb"])

    # The second file has 240 MB more.
    assert memory_mb(80_000) < memory_mb(20_000) + 100


def test_a_relative_path_names_other_files_in_another_folder_and_is_refused_without_a_digest() -> None:
    with pytest.raises(ValidationError, match=r"'texts' is relative, .*; write '/.*texts', or give their sha256"):
        DatasetSource(path="texts")
    assert DatasetSource(path="texts", sha256="0" * 64).path == "texts"
    with pytest.raises(ValidationError, match="is relative"):
        CsvSource(csv="prices.csv")
    assert CsvSource(csv="s3://bucket/prices.csv").csv == "s3://bucket/prices.csv"
