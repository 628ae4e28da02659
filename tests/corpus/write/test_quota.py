"""Quotas of dumps, and what happens to damaged and badly scored documents."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.corpus.config import CorpusConfig, FineWebSource
from tasks.corpus.errors import DamagedSource
from tasks.corpus.sources.fineweb import recency_weights
from tasks.corpus.write.writer import split_budget, write_corpus
from tasks.schemas.artifacts import TextShards
from tests.corpus.conftest import spoil, write_dump

TEXT = "Markets opened higher on the news and closed lower on the same news. "


@pytest.fixture
def uneven(tmp_path: Path) -> Path:
    """A dump of three files and one of a single one, all documents alike in length."""
    root = tmp_path / "uneven"
    for number in range(3):
        write_dump(root, "2013-20", ["2013-05-11"] * 40, [TEXT * 20] * 40, f"000_0000{number}.parquet")
    write_dump(root, "2017-26", ["2017-06-23"] * 40, [TEXT * 20] * 40)
    return root


def build(root: Path, folder: Path, token_budget: int = 8_000, **source: Any) -> list[dict[str, Any]]:
    folder.mkdir()
    drawn = FineWebSource(root=str(root), dumps=("2013-20", "2017-26"), **source)
    write_corpus(CorpusConfig(source=drawn, token_budget=token_budget, validation_share=0), folder)
    return TextShards(folder).ledger()["dumps"]


@given(st.integers(1_000, 10**13), st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=99))
def test_quotas_fill_the_budget_and_exceed_it_by_less_than_a_token_each(budget: int, weights: list[float]) -> None:
    quotas = split_budget(budget, weights)
    assert budget <= sum(quotas) < budget + len(weights)
    assert all(quota >= 1 for quota in quotas)


def test_a_half_life_halves() -> None:
    assert recency_weights(5, 2.0) == pytest.approx([0.25, 0.5**1.5, 0.5, 0.5**0.5, 1.0])


def test_under_proportional_the_larger_dump_gives_three_times_as_much(uneven: Path, tmp_path: Path) -> None:
    first, last = build(uneven, tmp_path / "corpus", quota="proportional")
    assert (first["quota"], last["quota"]) == (6_000, 2_000)
    assert first["n_tokens"] >= 6_000 > 3 * (last["n_tokens"] - 300)


def test_under_recency_the_later_dump_gives_more(uneven: Path, tmp_path: Path) -> None:
    first, last = build(uneven, tmp_path / "corpus", quota="recency", half_life_dumps=1.0)
    assert (first["quota"], last["quota"]) == (2_667, 5_334)


def test_the_ledger_names_only_files_that_were_read_with_their_digests(uneven: Path, tmp_path: Path) -> None:
    first, last = build(uneven, tmp_path / "corpus", token_budget=2_000)
    assert len(first["files"]) == len(last["files"]) == 1
    assert first["files"][0]["digest"]["kind"] == "sha256"
    for dump in (first, last):
        assert dump["n_read"] == dump["n_documents"] + dump["n_validation"] + sum(dump["dropped"].values())
        assert dump["n_read"] == 2 * dump["n_row_groups"]


def test_a_damaged_file_is_left_out_only_if_configured_and_then_counted(uneven: Path, tmp_path: Path) -> None:
    for number in (0, 1):
        spoil(uneven / "data" / "CC-MAIN-2013-20" / f"000_0000{number}.parquet")
    cut = uneven / "data" / "CC-MAIN-2013-20" / "000_00003.parquet"
    cut.write_bytes(b"PAR1")
    with pytest.raises(DamagedSource, match=r"CC-MAIN-2013-20/000_0000[013]\.parquet cannot be read as parquet"):
        build(uneven, tmp_path / "refused", token_budget=15_000)
    first, last = build(uneven, tmp_path / "counted", token_budget=20_000, on_corrupt="count")
    assert first["n_tokens"] >= 10_000
    # Which of the four files come before the quota is full depends on the seed; of the damaged ones all rows are lost.
    corrupt = {Path(one["path"]).name for one in first["corrupt"]}
    assert corrupt
    assert corrupt <= {"000_00000.parquet", "000_00001.parquet", "000_00003.parquet"}
    assert first["dropped"]["corrupt_row_group"] == 40 * len(corrupt - {cut.name})
    assert first["n_read"] == first["n_documents"] + sum(first["dropped"].values())
    assert "corrupt" not in last


def test_documents_below_the_language_score_are_dropped_and_counted(uneven: Path, tmp_path: Path) -> None:
    file = uneven / "data" / "CC-MAIN-2017-26" / "000_00000.parquet"
    table = pq.read_table(file)
    place = table.schema.get_field_index("language_score")
    scores = [0.99 if row % 2 else 0.66 for row in range(40)]
    pq.write_table(table.set_column(place, "language_score", [scores]), file, row_group_size=2)
    _, last = build(uneven, tmp_path / "corpus", token_budget=4_000, language_score=0.8)
    assert last["dropped"]["low_language_score"] == last["n_read"] / 2


def test_a_document_whose_own_dump_is_after_the_cutoff_is_dropped(tmp_path: Path) -> None:
    root = tmp_path / "mislaid"
    write_dump(root, "2013-20", ["2013-05-11"] * 40, [TEXT * 20] * 40)
    write_dump(root, "2017-34", ["2017-06-23"] * 40, [TEXT * 20] * 40)
    (root / "data" / "CC-MAIN-2017-34").rename(root / "data" / "CC-MAIN-2017-26")
    folder = tmp_path / "corpus"
    folder.mkdir()
    source = FineWebSource(root=str(root), dumps=("2013-20", "2017-26"))
    with pytest.raises(Exception, match="2017-26 has no document on or before cutoff=2017-07-02"):
        write_corpus(CorpusConfig(source=source, token_budget=2_000), folder)
