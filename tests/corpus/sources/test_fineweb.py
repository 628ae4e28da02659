"""FineWeb's layout: an equal quota for each dump, nothing after the cutoff, every bad input named."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.corpus.config import CorpusConfig, FineWebSource, corpus_label
from tasks.corpus.errors import (
    BudgetTooLarge,
    CorpusError,
    DamagedSource,
    DumpAfterCutoff,
    DumpUpToCutoff,
    SourceRefused,
    UnknownDump,
)
from tasks.corpus.sources.mirror import Mirror
from tasks.corpus.sources.parquet import ParquetFiles
from tasks.corpus.write.writer import write_corpus
from tasks.schemas.artifacts import TextShards
from tests.connections import contacted
from tests.corpus.conftest import write_dump
from tests.s3_server import S3Server


def fineweb(
    root: Path | str,
    dumps: tuple[str, ...] = ("2013-20", "2017-26"),
    dumps_after: tuple[str, ...] = ("2017-34",),
    **settings: Any,
) -> CorpusConfig:
    settings = {"token_budget": 5_000, "cutoff": "2017-07-02"} | settings
    return CorpusConfig(source=FineWebSource(root=str(root), dumps=dumps, dumps_after=dumps_after), **settings)


def build(config: CorpusConfig, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    return write_corpus(config, folder)


def test_each_dump_has_an_equal_quota_and_they_take_turns(mirror: Path, tmp_path: Path) -> None:
    facts = build(fineweb(mirror), tmp_path / "corpus")
    shards = TextShards(tmp_path / "corpus")
    years = [document.date.year for document in shards.documents()]
    assert all(n_tokens >= 2_500 for n_tokens in facts["tokens_by_period"].values())
    # A quota ends with the document that fills it: at most one document, here 560 tokens, over.
    assert all(n_tokens < 2_500 + 600 for n_tokens in facts["tokens_by_period"].values())
    assert years != sorted(years)
    assert years != sorted(years, reverse=True)
    assert facts["n_tokens"] == sum(len(ids) for ids in shards.token_ids())


def test_a_mirror_on_s3_is_asked_of_the_stores_server_and_gives_the_same_corpus(
    mirror: Path, tmp_path: Path, s3_store: str, s3_server: S3Server
) -> None:
    for file in mirror.rglob("*.parquet"):
        s3_server.put(f"fineweb/{file.relative_to(mirror)}", file.read_bytes())
    build(fineweb(mirror), tmp_path / "local")
    with contacted() as hosts:
        build(fineweb(f"s3://{s3_server.bucket}/fineweb"), tmp_path / "s3")
    assert hosts == {s3_server.endpoint.removeprefix("http://")}
    local, remote = TextShards(tmp_path / "local"), TextShards(tmp_path / "s3")
    assert list(remote.documents()) == list(local.documents())


def test_a_mirror_that_the_keys_may_not_read_is_refused(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(SourceRefused, match=r"s3://hindsight/fineweb cannot be listed: .* the AWS_\* keys need"):
        Mirror("s3://hindsight/fineweb").dumps()


def test_a_late_document_in_an_admitted_dump_is_dropped(mirror: Path, tmp_path: Path) -> None:
    facts = build(fineweb(mirror, dumps=("2017-26",), token_budget=7_800), tmp_path / "corpus")
    assert facts["last_day"] == "2017-06-23"
    assert facts["dropped"]["after_cutoff"] == 10
    assert facts["n_read"] == facts["n_documents"] + sum(facts["dropped"].values())


def test_the_same_seed_gives_the_same_corpus_and_another_one_another(mirror: Path, tmp_path: Path) -> None:
    def first_ids(seed: int, name: str) -> list[str]:
        build(fineweb(mirror, seed=seed), tmp_path / name)
        lines = (tmp_path / name / "texts" / "00000.jsonl").read_text().splitlines()
        return [json.loads(line)["id"] for line in lines]

    assert first_ids(0, "a") == first_ids(0, "b")
    assert first_ids(0, "c") != first_ids(1, "d")


def test_shards_of_any_size_hold_the_same_documents(mirror: Path, tmp_path: Path) -> None:
    build(fineweb(mirror), tmp_path / "one")
    build(fineweb(mirror, shard_tokens=1_024), tmp_path / "many")
    one, many = TextShards(tmp_path / "one"), TextShards(tmp_path / "many")
    assert len(many.text_files) > len(one.text_files) == 1
    assert list(one.documents()) == list(many.documents())
    assert [ids.tolist() for ids in one.token_ids()] == [ids.tolist() for ids in many.token_ids()]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"dumps": ("2013-02",)}, UnknownDump, r"dump 2013-02 is not in .* the nearest are .*CC-MAIN-2013-20"),
        ({"dumps": ("2017-59",)}, UnknownDump, "dump '2017-59' does not exist"),
        (
            {"cutoff": "2017-06-25"},
            DumpAfterCutoff,
            r"2017-26 is after cutoff=2017-06-25, whose last dump is 2017-25",
        ),
        (
            {"side": "after", "dumps_after": ("2017-26", "2017-34")},
            DumpUpToCutoff,
            r"2017-26 is not after cutoff=2017-07-02, .* Name some in corpus\.source\.dumps_after",
        ),
        ({"side": "after", "dumps_after": ("2017-30",)}, UnknownDump, r"dump 2017-30 is not in"),
        ({"side": "after", "token_budget": 9_000}, BudgetTooLarge, r"holds 2,820 tokens after cutoff=2017-07-02"),
        ({"token_budget": 40_000}, BudgetTooLarge, r"2017-26 holds 8,460 tokens .* equal share .* is 20,000"),
    ],
)
def test_a_config_the_mirror_cannot_fulfil_is_refused(
    mirror: Path, tmp_path: Path, settings: dict[str, Any], error: type[CorpusError], message: str
) -> None:
    with pytest.raises(error, match=message):
        build(fineweb(mirror, **settings), tmp_path / "corpus")


def test_a_cut_file_is_named(mirror: Path, tmp_path: Path) -> None:
    file = mirror / "data" / "CC-MAIN-2013-20" / "000_00000.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DamagedSource, match=r"CC-MAIN-2013-20/000_00000.parquet cannot be read as parquet"):
        build(fineweb(mirror), tmp_path / "corpus")


def test_a_missing_column_is_named(mirror: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "id": ["b"]}), mirror / "data" / "CC-MAIN-2013-20" / "000_00000.parquet")
    with pytest.raises(DamagedSource, match=r"000_00000.parquet lacks columns dump, "):
        build(fineweb(mirror), tmp_path / "corpus")


def test_labels_name_source_and_cutoff(mirror: Path) -> None:
    assert corpus_label(fineweb(mirror), {}) == "fineweb-2017-26"
    assert corpus_label(CorpusConfig(source={"kind": "sotu"}, cutoff="1960-12-31"), {}) == "sotu-1960-12-31"
    assert corpus_label(fineweb(mirror, side="after"), {}) == "fineweb-2017-26-after"


def test_a_placebo_reads_the_later_dumps_and_drops_what_they_hold_of_earlier_days(mirror: Path, tmp_path: Path) -> None:
    facts = build(fineweb(mirror, side="after", token_budget=2_500), tmp_path / "corpus")
    assert (facts["first_day"], facts["last_day"]) == ("2017-08-01", "2017-08-01")
    assert facts["dropped"]["up_to_cutoff"] > 0
    assert "after_cutoff" not in facts["dropped"]


def retype(file: Path, column: str, values: Any) -> None:
    table = pq.read_table(file)
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, values), file, row_group_size=2)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("id", [1] * 40, r"column 'id' of type int64, strings are needed"),
        ("dump", [b"x"] * 40, r"column 'dump' of type binary, strings are needed"),
        ("date", [datetime(2013, 5, 19)] * 40, r"column 'date' of type timestamp\[us\], strings are needed"),
        ("text", [["a"]] * 40, r"column 'text' of type list<element: string>, strings are needed"),
        ("language_score", ["0.9"] * 40, r"column 'language_score' of type string, floating-point numbers are needed"),
    ],
)
def test_a_column_of_another_type_is_named(mirror: Path, column: str, values: Any, message: str) -> None:
    path = str(mirror / "data" / "CC-MAIN-2013-20" / "000_00000.parquet")
    retype(Path(path), column, pa.array(values))
    parquet = ParquetFiles(Mirror(str(mirror)), with_scores=True)
    for read in (lambda: parquet.rows_by_group(path), lambda: list(parquet.documents(path, 0))):
        with pytest.raises(DamagedSource, match=rf"CC-MAIN-2013-20/000_00000\.parquet has {message}"):
            read()


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_strings_of_another_layout_are_the_same_documents(mirror: Path, kind: pa.DataType) -> None:
    path = str(mirror / "data" / "CC-MAIN-2013-20" / "000_00000.parquet")
    parquet = ParquetFiles(Mirror(str(mirror)), with_scores=True)
    expected = list(parquet.documents(path, 0))
    for column in ("id", "dump", "date", "text"):
        retype(Path(path), column, pq.read_table(path).column(column).combine_chunks().cast(kind))
    assert pq.read_schema(path).field("text").type == kind
    assert list(ParquetFiles(Mirror(str(mirror)), with_scores=True).documents(path, 0)) == expected


def test_out_of_memory_is_not_damage_of_the_file(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(mirror / "data" / "CC-MAIN-2013-20" / "000_00000.parquet")
    parquet = ParquetFiles(Mirror(str(mirror)), with_scores=False)

    def exhausted(path: str) -> None:
        raise pa.ArrowMemoryError("malloc of size 8388608 failed")

    monkeypatch.setattr(parquet, "_file", exhausted)
    for read in (lambda: parquet.rows_by_group(path), lambda: list(parquet.documents(path, 0))):
        with pytest.raises(MemoryError, match="malloc of size 8388608 failed"):
            read()


def test_few_files_stay_open_and_a_closed_one_is_reopened(mirror: Path) -> None:
    days, texts = ["2013-05-19"] * 4, ["Markets opened higher."] * 4
    paths = [str(mirror / "data" / "CC-MAIN-2013-20" / f"{n:03d}_00000.parquet") for n in range(1, 11)]
    for path in paths:
        write_dump(mirror, "2013-20", days, texts, Path(path).name)
    parquet = ParquetFiles(Mirror(str(mirror)), with_scores=False)
    process = psutil.Process()
    for _ in range(2):
        assert [len(list(parquet.documents(path, 0))) for path in paths] == [2] * 10
        assert sum(one.path.startswith(str(mirror)) for one in process.open_files()) == 8
