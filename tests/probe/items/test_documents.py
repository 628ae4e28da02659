"""Documents that are scored were not trained on, are dated, and do not depend on one another."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.probe.errors import NoDocuments, OneSide
from tasks.probe.items.config import DocumentsConfig
from tasks.probe.items.documents import all_documents, check_item_sides, cut_text, draw_documents
from tasks.schemas.artifacts import TextShards
from tests.probe.corpora import document, shards

SMALL = DocumentsConfig(n_per_period=2, min_bytes=16, max_bytes=64)
YEARS = range(1990, 1996)


def corpus(folder: Path, n_per_year: int = 4) -> TextShards:
    return shards(
        folder, [document(f"d{year}-{n}", f"{year}-03-0{n + 1}") for year in YEARS for n in range(n_per_year)]
    )


def test_no_document_shares_id_or_text_with_a_training_shard(tmp_path: Path) -> None:
    source = corpus(tmp_path / "source")
    of_source = list(source.documents())
    same_id = document(of_source[0].id, "1990-03-01", "Another text under the same id, and long enough as well.")
    same_text = document("other-id", "1990-03-02", of_source[1].text)
    trained = shards(
        tmp_path / "trained", [same_id, same_text, *of_source[4:8]], validation=[document("v", "1999-01-01")]
    )
    found = draw_documents([source], [trained], DocumentsConfig(n_per_period=9, min_bytes=16), seed=0)
    ids, texts = ({getattr(own, name) for own in trained.documents()} for name in ("id", "text"))
    assert not ids & {own.id for own in found.documents}
    assert not texts & {own.text for own in found.documents}
    assert found.dropped == {"trained_on": 6, "too_short": 0, "beyond_n_per_period": 0}
    # What training held out for validation is scored.
    assert [own.id for own in found.documents] == [own.id for own in of_source[2:4] + of_source[8:]] + ["v"]


def test_every_document_is_drawn_or_counted_once(tmp_path: Path) -> None:
    source = corpus(tmp_path / "a")
    again = shards(tmp_path / "b", [*list(source.documents())[:3], document("short", "1991-01-01", "Too short.")])
    found = draw_documents([source, again], [], SMALL, seed=0)
    assert found.dropped == {"seen_before": 3, "trained_on": 0, "too_short": 1, "beyond_n_per_period": 12}
    assert len(found.documents) + sum(found.dropped.values()) == len(list(all_documents([source, again])))
    assert len(found.documents) == 2 * len(YEARS)
    assert [own.date for own in found.documents] == sorted(own.date for own in found.documents)


def test_leaving_out_a_document_moves_no_other(tmp_path: Path) -> None:
    source = corpus(tmp_path / "all")
    drawn = {own.id for own in draw_documents([source], [], SMALL, seed=3).documents}
    gone = min(drawn)
    fewer = shards(tmp_path / "fewer", [own for own in source.documents() if own.id != gone])
    kept = {own.id for own in draw_documents([fewer], [], SMALL, seed=3).documents}
    assert drawn - {gone} <= kept
    assert len(kept) == len(drawn)
    other_seed = {own.id for own in draw_documents([source], [], SMALL, seed=4).documents}
    assert other_seed != drawn


def test_documents_are_cut_and_the_cut_is_counted(tmp_path: Path) -> None:
    found = draw_documents([corpus(tmp_path / "c")], [], SMALL, seed=0)
    assert found.n_cut == len(found.documents)
    assert all(16 <= len(own.text.encode()) <= 64 for own in found.documents)


@given(st.text(min_size=1, max_size=80), st.integers(4, 60))
def test_a_cut_text_is_the_beginning_of_the_text(text: str, most: int) -> None:
    cut = cut_text(text, most)
    assert text.startswith(cut)
    assert cut
    assert len(cut.encode()) <= most or cut == text
    assert (cut == text) == (len(text.encode()) <= most)


def test_no_document_left_is_refused_with_the_reasons(tmp_path: Path) -> None:
    source = corpus(tmp_path / "c", n_per_year=1)
    with pytest.raises(NoDocuments, match=r"no document is left to score: 6 trained on.*Give probe\.corpus a larger"):
        draw_documents([source], [source], SMALL, seed=0)


def test_documents_on_one_side_of_every_cutoff_are_refused() -> None:
    days = [date(1990, 1, 1), date(1995, 1, 1)]
    check_item_sides(days, {"old": date(1980, 1, 1), "middle": date(1990, 1, 1)})
    check_item_sides(days, {})
    check_item_sides([], {"old": date(1980, 1, 1)})
    for cutoff in (date(1989, 12, 31), date(1995, 1, 1)):
        with pytest.raises(OneSide, match=rf"1990-01-01 to 1995-01-01, are on one side of every cutoff \(x {cutoff}\)"):
            check_item_sides(days, {"x": cutoff})


def test_whole_texts_are_compared_and_not_what_is_left_of_them(tmp_path: Path) -> None:
    start = "The same beginning of two texts that go on in different ways, "
    one, other = (document(name, "1990-01-01", start + name * 40) for name in ("one", "other"))
    found = draw_documents([shards(tmp_path / "s", [one])], [shards(tmp_path / "t", [other])], SMALL, seed=0)
    assert [own.id for own in found.documents] == ["one"]
    assert other.text.startswith(found.documents[0].text)
