"""A statement holds for the corpus it was made of, and for no other: every tampering is named."""

import json
import logging
import stat
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from tasks.artifacts import Document
from tasks.corpus.attest import Verdict, refuse_unusable_key, sign, verify, write_statement
from tasks.corpus.attest.cli import main
from tasks.corpus.attest.errors import AttestationRefused, KeyRefused
from tasks.corpus.attest.keys import make_keys
from tasks.corpus.attest.recount import recount
from tasks.corpus.config import REVISION, ROOM
from tasks.corpus.cutoff import Cutoff
from tasks.statement import StatementDamaged
from tasks.store.build import build
from tasks.store.digests import sha256_of_file
from tasks.store.store import open_store
from tasks.tokenizer import TokenizerError
from tests.corpus.made_corpus import (
    CONFIG,
    DAYS,
    VALIDATION_DAYS,
    digest_of,
    documents,
    ids_of,
    make_corpus,
    write_shard,
)
from tests.model_fixtures import qwen, small_corpus


@pytest.fixture(autouse=True)
def one_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.corpus.attest.checks.tokenizer_digest", digest_of)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = make_corpus(tmp_path / "corpus")
    write_statement(folder, CONFIG)
    return folder


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_keys(tmp_path / "key")
    monkeypatch.setenv("HINDSIGHT_SIGNING_KEY", str(tmp_path / "key"))
    return tmp_path / "key"


def public(key: Path) -> Path:
    return key.with_name(f"{key.name}.pub")


def check(folder: Path, **more: Any) -> Verdict:
    return verify(folder, tokenizer=qwen(), **more)


def edit(file: Path, change: Callable[[Any], Any]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content, indent=1))


def test_an_untouched_corpus_holds_and_is_counted_whole(corpus: Path) -> None:
    verdict = check(corpus)
    assert verdict.failures == ()
    assert (verdict.n_files, verdict.n_documents, verdict.n_tokenized_again) == (10, 7, 7)
    everything = [*documents(DAYS, "d"), *documents(VALIDATION_DAYS, "v")]
    assert verdict.n_tokens == sum(len(ids_of(each)) for each in everything)
    assert (str(verdict.last_day), str(verdict.cutoff)) == ("2017-07-02", "2017-07-02")
    assert "no public key was given, and the record holds no signature" in verdict.unchecked[0]


def test_a_statement_names_the_cutoff_sources_counts_tokenizer_and_code_and_what_it_does_not_claim(
    corpus: Path,
) -> None:
    statement = json.loads((corpus / "statement.json").read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    said = statement["predicate"]
    assert said["claim"] == "every document's date lies on or before cutoff=2017-07-02"
    assert said["dumps"][0]["files"][0]["digest"] == {"kind": "sha256", "value": "0" * 64}
    assert said["documents_by_month"]["2015-03"] == 2
    assert said["code"]["revision"] == REVISION
    assert said["tokenizer"]["source"] == {"kind": "qwen"}
    assert any("a model trained on it is point-in-time" in line for line in said["not_claimed"])


def test_two_machines_write_the_same_statement(corpus: Path, tmp_path: Path) -> None:
    other = make_corpus(tmp_path / "elsewhere")
    assert write_statement(other, CONFIG).read_bytes() == (corpus / "statement.json").read_bytes()


def flip_a_byte(corpus: Path) -> None:
    file = corpus / "tokens" / "00000.npy"
    content = bytearray(file.read_bytes())
    content[-4] ^= 1
    file.write_bytes(content)


def add_a_late_document(corpus: Path) -> None:
    late = Document(id="late", date="2017-07-03", text="ChatGPT")
    with (corpus / "texts" / "00001.jsonl").open("a") as file:
        file.write(late.model_dump_json() + "\n")


def swap_a_text(corpus: Path) -> None:
    file = corpus / "texts" / "00001.jsonl"
    file.write_text(file.read_text().replace("closed lower", "closed ajar", 1))


def drop_a_shard(corpus: Path) -> None:
    (corpus / "texts" / "00001.jsonl").unlink()


def hide_a_file(corpus: Path) -> None:
    (corpus / "texts" / "00009.jsonl.bak").write_text("")


def cut_a_shard(corpus: Path) -> None:
    file = corpus / "texts" / "00000.jsonl"
    file.write_text(file.read_text()[:-9])


def empty_a_shard(corpus: Path) -> None:
    (corpus / "tokens" / "00000.npy").write_bytes(b"")


def move_an_offset(corpus: Path) -> None:
    file = corpus / "tokens" / "00001.offsets.npy"
    offsets = np.load(file)
    offsets[1] += 1
    np.save(file, offsets)


def recount_the_ledger(corpus: Path) -> None:
    edit(corpus / "ledger.json", lambda ledger: ledger.update(n_documents=7))


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (flip_a_byte, ["tokens/00000.npy hashes to", "the token ids of document d-2 are not those of its text"]),
        (
            add_a_late_document,
            [
                "texts/00001.jsonl hashes to",
                "00001 holds 1 documents that do not lie on or before cutoff=2017-07-02: late of 2017-07-03",
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
        (recount_the_ledger, ["ledger.json hashes to", "n_documents is another one in the ledger"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_whatever_is_changed_below_the_statement_is_named(corpus: Path, tamper, named: list[str]) -> None:
    tamper(corpus)
    failures = check(corpus).failures
    assert [words for words in named if not any(words in failure for failure in failures)] == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_documents": 5}, "n_documents: the shards hold 6, not 5"),
        ({"cutoff": "2017-07-01"}, "1 documents that do not lie on or before cutoff=2017-07-01: d-5 of 2017-07-02"),
        ({"side": "after"}, "documents that do not lie after cutoff=2017-07-02"),
        ({"documents_by_month": {"2015-03": 6}}, "documents_by_month: the shards hold other ones"),
        ({"tokenizer": {"source": {"kind": "qwen"}, "sha256": "1" * 64}}, "the statement says 111111111111"),
    ],
)
def test_a_statement_that_was_changed_contradicts_the_shards(corpus: Path, change: dict[str, Any], named: str) -> None:
    edit(corpus / "statement.json", lambda statement: statement["predicate"].update(change))
    assert any(named in failure for failure in check(corpus).failures)


def test_a_late_document_fails_even_where_all_digests_and_counts_agree(tmp_path: Path) -> None:
    # As a dishonest builder would write it: the ledger and the statement know of it.
    folder = make_corpus(tmp_path / "corpus", days=["2016-01-01", "2017-07-03"])
    write_statement(folder, CONFIG)
    (failure,) = check(folder).failures
    assert "d-1 of 2017-07-03" in failure


def test_a_dump_after_the_cutoff_and_sums_that_do_not_add_up_are_named(tmp_path: Path) -> None:
    dump = {"name": "2017-30", "files": [], "n_read": 9, "n_documents": 6, "n_validation": 1, "n_tokens": 1}
    folder = make_corpus(tmp_path / "corpus", dumps=[dump | {"dropped": {"empty_text": 1}}])
    write_statement(folder, CONFIG)
    late, unread, tokens = check(folder).failures
    assert late == "dump 2017-30 does not lie on or before cutoff=2017-07-02"
    assert unread == "dump 2017-30 tells what became of 8 documents, and that 9 were read"
    assert tokens.startswith("n_tokens of all dumps is 1, the statement says ")


def test_what_is_no_statement_is_refused(corpus: Path, tmp_path: Path) -> None:
    edit(corpus / "statement.json", lambda statement: statement["predicate"].pop("cutoff"))
    with pytest.raises(AttestationRefused, match="the statement's cutoff is not what a corpus claims"):
        check(corpus)
    edit(corpus / "statement.json", lambda statement: statement.update(predicateType="urn:other"))
    with pytest.raises(AttestationRefused, match="is of type urn:other"):
        check(corpus)
    (corpus / "statement.json").write_text("{}")
    with pytest.raises(StatementDamaged, match="is no in-toto statement"):
        check(corpus)
    with pytest.raises(StatementDamaged, match="No such file"):
        check(tmp_path)
    with pytest.raises(AttestationRefused, match=r"ledger\.json cannot be read"):
        write_statement(tmp_path, CONFIG)
    with pytest.raises(AttestationRefused, match="the ledger is of cutoff 2017-07-02"):
        write_statement(corpus, CONFIG.model_copy(update={"cutoff": CONFIG.cutoff.replace(day=1)}))


def test_a_signature_holds_under_its_key_alone_and_is_in_no_file_of_the_corpus(corpus: Path, key: Path) -> None:
    before = sha256_of_file(corpus / "statement.json")
    signature = sign(corpus / "statement.json")
    assert signature["payload_sha256"] == before == sha256_of_file(corpus / "statement.json")
    verdict = check(corpus, signature=signature, public_key=public(key))
    assert (verdict.failures, verdict.unchecked) == ((), ())
    make_keys(key.with_name("other"))
    (failure,) = check(corpus, signature=signature, public_key=public(key.with_name("other"))).failures
    assert failure.startswith("signed with key ")
    (unchecked,) = check(corpus, signature=signature).unchecked
    assert "the record holds a signature" in unchecked
    (absent,) = check(corpus, public_key=public(key)).failures
    assert absent == "there is no signature to hold the public key against"


def test_a_statement_changed_after_it_was_signed_does_not_pass_for_the_signed_one(corpus: Path, key: Path) -> None:
    signature = sign(corpus / "statement.json")
    edit(corpus / "statement.json", lambda statement: statement["predicate"].update(not_claimed=[]))
    (failure,) = check(corpus, signature=signature, public_key=public(key)).failures
    assert failure.endswith("has not signed this statement: the statement or the signature was changed")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"signatures": [{"keyid": "k", "sig": "%%%"}]}, "is no DSSE envelope"),
        ({"signatures": "none"}, "is no DSSE envelope"),
        ({"signatures": []}, "signed with key none"),
        ({"payloadType": "text/plain"}, "over a payload of type 'text/plain'"),
    ],
)
def test_what_is_no_signature_is_told_apart(corpus: Path, key: Path, change: dict[str, Any], named: str) -> None:
    signature = sign(corpus / "statement.json") | change
    (failure,) = check(corpus, signature=signature, public_key=public(key)).failures
    assert named in failure


def test_a_corpus_as_it_is_really_drawn_holds() -> None:
    folder = small_corpus().path
    verdict = check(folder)
    assert verdict.failures == ()
    ledger = json.loads((folder / "ledger.json").read_text())
    assert verdict.n_documents == ledger["n_documents"] + ledger["validation"]["n_documents"]
    assert ledger["n_documents"] == len(list(small_corpus().documents()))
    assert verdict.last_day <= verdict.cutoff


def test_the_signature_a_record_holds_is_the_one_that_is_checked(key, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("tasks.corpus.attest.checks.load_tokenizer", lambda source: qwen())

    def make(inputs: object, folder: Path) -> dict[str, Any]:
        return {"signature": sign(write_statement(make_corpus(folder), CONFIG))}

    ref = build(open_store(), ROOM.plan(CONFIG), make)
    assert main(["verify", ref.path, "--public-key", str(public(key))]) == 0
    assert f"signed with {public(key)}" in capsys.readouterr().out
    make_keys(tmp_path / "other")
    assert main(["verify", ref.path, "--public-key", str(tmp_path / "other.pub")]) == 1
    assert "signed with key " in capsys.readouterr().err


def test_without_a_key_nothing_is_signed(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HINDSIGHT_SIGNING_KEY", raising=False)
    assert sign(corpus / "statement.json") is None
    refuse_unusable_key()


def test_a_key_that_cannot_sign_is_refused_before_the_work_and_without_its_content(tmp_path, monkeypatch, key) -> None:
    bad = tmp_path / "bad"
    for content, why in (
        (public(key).read_text(), "no unencrypted PEM file with a private key"),
        ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", "no unencrypted PEM file"),
        (None, "cannot be read: No such file"),
    ):
        bad.write_text(content) if content else bad.unlink()
        monkeypatch.setenv("HINDSIGHT_SIGNING_KEY", str(bad))
        with pytest.raises(KeyRefused, match=why) as caught:
            refuse_unusable_key()
        assert "c2VjcmV0" not in str(caught.value)
        assert caught.value.__suppress_context__ or content is None


def test_a_private_key_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path, key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    content = key.read_bytes()
    with pytest.raises(KeyRefused, match="a key is never overwritten"):
        make_keys(key)
    assert key.read_bytes() == content
    public(key).unlink()
    with pytest.raises(KeyRefused, match="a key is never overwritten"):
        make_keys(key)
    assert not public(key).exists()


def test_no_part_of_the_private_key_reaches_log_signature_or_statement(corpus, key, caplog, capsys) -> None:
    secret = "".join(key.read_text().splitlines()[1:-1])
    key.chmod(0o644)
    with caplog.at_level(logging.DEBUG):
        signature = sign(corpus / "statement.json")
        main(["show", str(corpus)])
    said = json.dumps(signature) + caplog.text + capsys.readouterr().out + (corpus / "statement.json").read_text()
    assert "can be read by others than its owner" in caplog.text
    assert secret[:20] not in said
    assert secret[-20:] not in said


def test_the_command_line_makes_keys_and_says_whether_a_corpus_holds(corpus, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("tasks.corpus.attest.checks.load_tokenizer", lambda source: qwen())
    monkeypatch.delenv("HINDSIGHT_SIGNING_KEY", raising=False)
    assert main(["keygen", str(tmp_path / "mine")]) == 0
    assert main(["sign", str(corpus)]) == 1
    assert "HINDSIGHT_SIGNING_KEY names no key" in capsys.readouterr().err
    monkeypatch.setenv("HINDSIGHT_SIGNING_KEY", str(tmp_path / "mine"))
    assert main(["sign", str(corpus)]) == 0
    (tmp_path / "signature.json").write_text(capsys.readouterr().out)
    given = ["verify", str(corpus), "--signature", str(tmp_path / "signature.json")]
    assert main([*given, "--public-key", str(tmp_path / "mine.pub")]) == 0
    out = capsys.readouterr().out
    assert out.endswith(f"holds, signed with {tmp_path / 'mine.pub'}\n")
    assert "the last day is 2017-07-02, the cutoff 2017-07-02" in out
    assert main(["show", str(corpus), "--envelope", "--signature", str(tmp_path / "signature.json")]) == 0
    assert json.loads(capsys.readouterr().out)["payloadType"] == "application/vnd.in-toto+json"
    write_shard(corpus, "00000", documents(["2018-01-01"], "new"))
    assert main(given) == 1
    captured = capsys.readouterr()
    assert "new-0 of 2018-01-01" in captured.err
    assert "DOES NOT HOLD" in captured.out
    assert main(["show", str(corpus), "--envelope"]) == 1
    assert "is not signed" in capsys.readouterr().err


def test_without_its_tokenizer_a_corpus_does_not_plainly_hold(corpus: Path, monkeypatch, capsys) -> None:
    def unloadable(source: object) -> None:
        raise TokenizerError("tokenizer a/b cannot be loaded: no network.")

    monkeypatch.setattr("tasks.corpus.attest.checks.load_tokenizer", unloadable)
    assert main(["verify", str(corpus)]) == 3
    *_, counted, last = capsys.readouterr().out.splitlines()
    assert "0 documents tokenized again" in counted
    assert last == "holds, but for the token ids: none was checked: tokenizer a/b cannot be loaded: no network."
    # What fails, fails: the missing tokenizer excuses nothing.
    hide_a_file(corpus)
    assert main(["verify", str(corpus), "--all"]) == 1
    out = capsys.readouterr().out
    assert "not checked: the token ids: tokenizer a/b cannot be loaded" in out
    assert out.endswith("DOES NOT HOLD: 1 failures\n")


def test_nobody_knows_beforehand_which_documents_are_tokenized_again(corpus: Path) -> None:
    drawn = set()
    for seed in range(40):
        counted = recount(corpus, Cutoff(CONFIG.cutoff), 2, Random(seed))  # noqa: S311
        assert [document.id < "d-3" for document, _ in counted.sampled] == [True, False]
        drawn |= {document.id for document, _ in counted.sampled}
    assert drawn == {f"d-{n}" for n in range(6)}


def test_the_documents_tokenized_again_are_drawn_by_the_systems_randomness(corpus: Path, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr("tasks.corpus.attest.verdict.SystemRandom", lambda: seen.append("asked") or Random(0))  # noqa: S311
    check(corpus)
    assert seen == ["asked", "asked"]


def test_every_document_is_tokenized_again_where_all_are_asked_for(corpus: Path, monkeypatch) -> None:
    monkeypatch.setattr("tasks.corpus.attest.verdict.N_TOKENIZED_AGAIN", 1)
    monkeypatch.setattr("tasks.corpus.attest.checks.N_NAMED_IDS", 2)
    assert check(corpus).n_tokenized_again == 3
    assert check(corpus, all_token_ids=True).n_tokenized_again == 7
    for name in ("00000", "00001"):
        file = corpus / "tokens" / f"{name}.npy"
        ids = np.load(file)
        np.save(file, ids[::-1])
    failures = [failure for failure in check(corpus, all_token_ids=True).failures if "token ids" in failure]
    assert failures == [
        "the token ids of document d-0 are not those of its text",
        "the token ids of document d-1 are not those of its text",
        "the token ids of 4 more documents are not those of their texts",
    ]


def test_a_shard_that_cannot_be_read_hides_no_later_one_where_all_are_asked_for(corpus: Path) -> None:
    empty_a_shard(corpus)
    move_an_offset(corpus)
    failures = check(corpus, all_token_ids=True).failures
    assert any("shard 00000 cannot be read to its end" in failure for failure in failures)
    assert any("the token ids of document d-3 are not" in failure for failure in failures)
