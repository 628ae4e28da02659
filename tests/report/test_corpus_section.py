"""The corpus section: every drop, every sign of later dates, and of the signature only what is recorded."""

from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from tasks.common.text import DASH
from tasks.report.figures.training import documents_over_time
from tasks.report.tables.corpus import corpus_section, dump_rows, scan_section
from tasks.store.records import FileEntry
from tests.report.page_reader import after, words
from tests.report.sample_ledger import BY_MONTH, SCAN, made_dump, made_ledger, write_made_corpus

STATEMENT = b'{"made": "up"}\n'
DIGEST = sha256(STATEMENT).hexdigest()


@pytest.fixture
def show(write):
    """The page without the robust sections, which take most of the time."""
    return partial(write, robust=None)


@pytest.fixture
def corpus_record(make_record):
    def make(**facts: object):
        files = [FileEntry(path="statement.json", size=len(STATEMENT), sha256=DIGEST)]
        return make_record("corpus", files=files, facts=facts)

    return make


def test_counts_dates_and_cutoff_are_at_the_top(show) -> None:
    text = words(show())
    assert "900 documents, 603,900 tokens, dated 2013-05-18 to 2017-06-29" in text
    assert "held out for validation: 6 documents, 4,026 tokens" in text
    assert "own date is on or before the cutoff, 2017-07-02" in text


def test_every_dump_has_a_row_with_all_its_drops_by_reason_and_the_sum_below(show) -> None:
    page = show()
    counts, reasons = (
        ["files", "row groups", "read", "documents", "validation", "tokens"],
        ["after cutoff", "beyond budget"],
    )
    assert after(page, "dump", 9) == [*counts, *reasons, "empty text"]
    assert after(page, "2017-26", 9) == ["2", "3", "1,347", "288", "2", "193,248", "1,040", "17", "0"]
    assert after(page, "all", 9, since="2017-26") == ["6", "9", "1,965", "900", "6", "603,900", "1,040", "17", "2"]


def test_each_row_adds_up_to_what_was_read() -> None:
    for row in dump_rows(made_ledger()["dumps"]):
        n = {name: int(value.replace(",", "")) for name, value in row.items() if name != "dump"}
        assert n["read"] == n["documents"] + n["validation"] + n["after cutoff"] + n["beyond budget"] + n["empty text"]


def test_a_single_dump_has_no_sum_below_it() -> None:
    assert [row["dump"] for row in dump_rows([made_dump("sotu", 9)])] == ["sotu"]


def test_a_file_that_could_not_be_read_is_named_with_its_reason(show) -> None:
    dump = {**made_dump("2013-20", 9), "corrupt": [{"path": "2013-20/001.parquet", "why": "cut short"}]}
    assert f"{DASH} 2013-20/001.parquet was left out: cut short" in words(show(ledger={"dumps": [dump]}))
    assert "was left out" not in words(show())


def test_no_mention_of_a_later_year_is_left_out_of_the_rows() -> None:
    rows = scan_section(SCAN)["years"]
    assert sum(int(row["mentions"]) for row in rows) == sum(SCAN["later_years"]["n_mentions"].values())
    assert rows[0] == {"year": "2018", "mentions": "30"}
    assert rows[-1] == {"year": "2026 and later", "mentions": "8"}


def test_names_unknown_at_the_cutoff_are_shown_with_examples_and_their_date(show) -> None:
    page = show()
    assert "1 of 2 names that were unknown at the cutoff were found" in words(page)
    assert after(page, "COVID-19", 3) == ["2020-02-11", "2", "<urn:uuid:7>, <urn:uuid:9>"]
    clean = {**SCAN, "canaries": {"looked_for": ["ChatGPT"], "found": {}}}
    text = words(show(ledger={"scan": clean}))
    assert "None of the 1 searched names that were unknown at the cutoff was found" in text


def test_the_page_names_the_signing_key_and_that_it_has_not_verified_it(show, corpus_record) -> None:
    signature = {"payload_sha256": DIGEST, "signatures": [{"keyid": "k" * 64, "sig": "x"}]}
    record = corpus_record(signature=signature)
    text = words(show(records=[record]))
    assert f"Signed with key {'k' * 64}, as recorded; this page has not verified the signature." in text
    assert f"hindsight attest verify {record.ref.path}" in text
    assert DIGEST in text
    assert "It is not signed." in words(show(records=[corpus_record()]))
    other = corpus_record(signature={**signature, "payload_sha256": "0" * 64})
    assert "but over other bytes than this statement's" in words(show(records=[other]))


def test_the_signature_of_the_placebo_corpus_is_not_shown_for_the_corpus(show, make_record, corpus_record) -> None:
    signature = {"payload_sha256": DIGEST, "signatures": [{"keyid": "k", "sig": "x"}]}
    placebo = make_record("corpus", label="after", facts={"signature": signature})
    assert "It is not signed." in words(show(records=[placebo, corpus_record()]))


def test_a_placebo_corpus_is_after_the_cutoff_and_an_older_corpus_has_no_ledger(show, tmp_path: Path) -> None:
    assert "own date is after the cutoff" in words(show(ledger={"side": "after"}))
    assert corpus_section(tmp_path, []) is None
    (tmp_path / "older").mkdir()
    write_made_corpus(tmp_path / "older")
    (tmp_path / "older" / "statement.json").unlink()
    assert corpus_section(tmp_path / "older", [])["statement"] is None


def test_bars_are_months_and_over_a_long_time_years() -> None:
    few = documents_over_time(BY_MONTH, "2017-07-02", "known")
    long = documents_over_time({"1790-01": 1, "1790-12": 1, "1960-12": 3}, "1960-12-31", "known")
    assert few
    assert long
    assert "documents per month" in few.svg
    assert "documents per year" in long.svg
    assert "cutoff 1960-12-31" in long.svg
    assert few.rows == [{"month": month, "documents": f"{n:,}"} for month, n in BY_MONTH.items()]
    assert long.rows == [{"year": "1790", "documents": "2"}, {"year": "1960", "documents": "3"}]
    assert documents_over_time({}, "2017-07-02", "known") is None


def test_text_from_a_ledger_is_escaped(show) -> None:
    evil = "<script>alert(1)</script>"
    page = show(ledger={"dumps": [made_dump(evil, 1, **{evil: 2})], "documents_by_month": {}})
    assert "script" not in page.tags
    assert page.text.count(evil) >= 2
