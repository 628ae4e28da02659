"""A statement holds for the corpus it was made of, and for no other: every tampering is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.corpus.attest import write_statement
from tasks.corpus.config import REVISION
from tasks.corpus.errors import AttestationRefused
from tasks.provenance.statement import StatementDamaged
from tests.corpus.attest.checking import check, edit
from tests.corpus.attest.tampering import (
    add_a_late_document,
    cut_a_shard,
    drop_a_shard,
    empty_a_shard,
    flip_a_byte,
    hide_a_file,
    move_an_offset,
    recount_the_ledger,
    swap_a_text,
)
from tests.corpus.made_corpus import (
    CONFIG,
    DAYS,
    VALIDATION_DAYS,
    documents,
    ids_of,
    make_corpus,
)


def test_an_untouched_corpus_holds_and_is_counted_whole(corpus: Path) -> None:
    verdict = check(corpus)
    assert verdict.failures == ()
    assert (verdict.n_files, verdict.n_documents, verdict.n_tokenized) == (10, 7, 7)
    everything = [*documents(DAYS, "d"), *documents(VALIDATION_DAYS, "v")]
    assert verdict.n_tokens == sum(len(ids_of(each)) for each in everything)
    assert (str(verdict.last_day), str(verdict.cutoff)) == ("2017-07-02", "2017-07-02")
    assert "no public key was given, and the record holds no signature" in verdict.unchecked[0]


def test_a_statement_names_the_cutoff_sources_counts_tokenizer_and_code_and_what_it_does_not_claim(
    corpus: Path,
) -> None:
    statement = json.loads((corpus / "statement.json").read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    predicate = statement["predicate"]
    assert predicate["claim"] == "every document's date lies on or before cutoff=2017-07-02"
    assert predicate["dumps"][0]["files"][0]["digest"] == {"kind": "sha256", "value": "0" * 64}
    assert predicate["documents_by_month"]["2015-03"] == 2
    assert predicate["code"]["revision"] == REVISION
    assert predicate["tokenizer"]["source"] == {"kind": "qwen"}
    assert any("a model trained on it is point-in-time" in line for line in predicate["not_claimed"])


def test_a_corpus_of_the_former_jsonl_source_still_holds(tmp_path: Path) -> None:
    source = {"kind": "jsonl", "path": "/texts/a.jsonl", "sha256": "1" * 64}
    corpus = make_corpus(tmp_path / "old", source=source)
    write_statement(corpus, CONFIG)
    assert json.loads((corpus / "statement.json").read_text())["predicate"]["source"] == source
    assert check(corpus).failures == ()


def test_two_machines_write_the_same_statement(corpus: Path, tmp_path: Path) -> None:
    other = make_corpus(tmp_path / "elsewhere")
    assert write_statement(other, CONFIG).read_bytes() == (corpus / "statement.json").read_bytes()


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (flip_a_byte, ["tokens/00000.npy hashes to", "the token ids of document d-2 are not those of its text"]),
        (
            add_a_late_document,
            [
                "texts/00001.jsonl hashes to",
                "00001 holds 1 documents that are not on or before cutoff=2017-07-02: late of 2017-07-03",
                "00001 holds 4 documents and token ids of 3",
                "n_documents: the shards hold 7, not 6",
                "last_day: the shards hold 2017-07-03, not 2017-07-02",
            ],
        ),
        (swap_a_text, ["texts/00001.jsonl hashes to", "the token ids of document d-3 are not"]),
        (drop_a_shard, ["texts/00001.jsonl is missing", "tokens/00001.npy has no texts/00001.jsonl", "n_tokens: "]),
        (hide_a_file, ["texts/00009.jsonl.bak is not in the statement"]),
        (cut_a_shard, ["shard 00000 cannot be read to its end", "n_documents: the shards hold 5, not 6"]),
        (empty_a_shard, ["tokens/00000.npy hashes to", "shard 00000 cannot be read to its end"]),
        (move_an_offset, ["00001.offsets.npy hashes to", "ids of document d-3", "ids of document d-4"]),
        (recount_the_ledger, ["ledger.json hashes to", "n_documents in the ledger differs"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_change_below_the_statement_is_named(corpus: Path, tamper, named: list[str]) -> None:
    tamper(corpus)
    failures = check(corpus).failures
    assert [words for words in named if not any(words in failure for failure in failures)] == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_documents": 5}, "n_documents: the shards hold 6, not 5"),
        ({"cutoff": "2017-07-01"}, "1 documents that are not on or before cutoff=2017-07-01: d-5 of 2017-07-02"),
        ({"side": "after"}, "documents that are not after cutoff=2017-07-02"),
        ({"documents_by_month": {"2015-03": 6}}, "documents_by_month: the shards hold other values"),
        ({"tokenizer": {"source": {"kind": "qwen"}, "sha256": "1" * 64}}, "the statement says 111111111111"),
    ],
)
def test_a_statement_that_was_changed_contradicts_the_shards(corpus: Path, change: dict[str, Any], named: str) -> None:
    edit(corpus / "statement.json", lambda statement: statement["predicate"].update(change))
    assert any(named in failure for failure in check(corpus).failures)


def test_a_late_document_fails_even_where_all_digests_and_counts_agree(tmp_path: Path) -> None:
    # As a fraudulent builder would write it: ledger and statement include it.
    folder = make_corpus(tmp_path / "corpus", days=["2016-01-01", "2017-07-03"])
    write_statement(folder, CONFIG)
    (failure,) = check(folder).failures
    assert "d-1 of 2017-07-03" in failure


def test_a_dump_after_the_cutoff_and_sums_that_do_not_add_up_are_named(tmp_path: Path) -> None:
    dump = {"name": "2017-30", "files": [], "n_read": 9, "n_documents": 6, "n_validation": 1, "n_tokens": 1}
    folder = make_corpus(tmp_path / "corpus", dumps=[dump | {"dropped": {"empty_text": 1}}])
    write_statement(folder, CONFIG)
    late, unread, tokens = check(folder).failures
    assert late == "dump 2017-30 is not on or before cutoff=2017-07-02"
    assert unread == "dump 2017-30 accounts for 8 documents, and 9 were read"
    assert tokens.startswith("n_tokens of all dumps is 1, the statement says ")


def test_an_invalid_statement_is_refused(corpus: Path, tmp_path: Path) -> None:
    edit(corpus / "statement.json", lambda statement: statement["predicate"].pop("cutoff"))
    with pytest.raises(AttestationRefused, match="the statement's cutoff is invalid"):
        check(corpus)
    edit(corpus / "statement.json", lambda statement: statement.update(predicateType="urn:other"))
    with pytest.raises(AttestationRefused, match="is of type urn:other"):
        check(corpus)
    (corpus / "statement.json").write_text("{}")
    with pytest.raises(StatementDamaged, match="is not an in-toto statement"):
        check(corpus)
    with pytest.raises(StatementDamaged, match="No such file"):
        check(tmp_path)
    with pytest.raises(AttestationRefused, match=r"ledger\.json cannot be read"):
        write_statement(tmp_path, CONFIG)
    with pytest.raises(AttestationRefused, match="the ledger has cutoff 2017-07-02"):
        write_statement(corpus, CONFIG.model_copy(update={"cutoff": CONFIG.cutoff.replace(day=1)}))
