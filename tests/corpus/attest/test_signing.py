"""A signature holds under its key only, and no part of the private key is shown."""

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from hindsight.cli.main import main
from tasks.corpus.attest import check_signing_key, sign, write_statement
from tasks.corpus.attest.keys import make_keys
from tasks.corpus.config import ARTIFACT_TYPE
from tasks.corpus.errors import KeyRefused
from tasks.store.build import build
from tasks.store.digests import sha256_of_file
from tasks.store.store import open_store
from tests.corpus.attest.checking import check, edit, public
from tests.corpus.made_corpus import (
    CONFIG,
    documents,
    make_corpus,
    write_shard,
)
from tests.model_fixtures import qwen, small_corpus


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
    assert absent == "there is no signature to verify with the public key"


def test_a_statement_changed_after_it_was_signed_does_not_pass_for_the_signed_one(corpus: Path, key: Path) -> None:
    signature = sign(corpus / "statement.json")
    edit(corpus / "statement.json", lambda statement: statement["predicate"].update(not_claimed=[]))
    (failure,) = check(corpus, signature=signature, public_key=public(key)).failures
    assert failure.endswith("has not signed this statement: the statement or the signature was changed")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"signatures": [{"keyid": "k", "sig": "%%%"}]}, "is not a DSSE envelope"),
        ({"signatures": "none"}, "is not a DSSE envelope"),
        ({"signatures": []}, "signed with key none"),
        ({"payloadType": "text/plain"}, "over a payload of type 'text/plain'"),
    ],
)
def test_each_kind_of_invalid_signature_is_named(corpus: Path, key: Path, change: dict[str, Any], named: str) -> None:
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

    ref = build(open_store(), ARTIFACT_TYPE.spec(CONFIG), make)
    assert main(["attest", "verify", ref.path, "--public-key", str(public(key))]) == 0
    assert f"signed with {public(key)}" in capsys.readouterr().out
    make_keys(tmp_path / "other")
    assert main(["attest", "verify", ref.path, "--public-key", str(tmp_path / "other.pub")]) == 1
    assert "signed with key " in capsys.readouterr().err


def test_without_a_key_nothing_is_signed(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HINDSIGHT_SIGNING_KEY", raising=False)
    assert sign(corpus / "statement.json") is None
    check_signing_key()


def test_a_key_that_cannot_sign_is_refused_before_the_work_and_without_its_content(tmp_path, monkeypatch, key) -> None:
    bad = tmp_path / "bad"
    for content, why in (
        (public(key).read_text(), "is not an unencrypted PEM file with a private key"),
        ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", "is not an unencrypted PEM file"),
        (None, "cannot be read: No such file"),
    ):
        bad.write_text(content) if content else bad.unlink()
        monkeypatch.setenv("HINDSIGHT_SIGNING_KEY", str(bad))
        with pytest.raises(KeyRefused, match=why) as caught:
            check_signing_key()
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
        main(["attest", "show", str(corpus)])
    shown = json.dumps(signature) + caplog.text + capsys.readouterr().out + (corpus / "statement.json").read_text()
    assert "can be read by others than its owner" in caplog.text
    assert secret[:20] not in shown
    assert secret[-20:] not in shown


def test_the_command_line_makes_keys_and_reports_whether_a_corpus_holds(corpus, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("tasks.corpus.attest.checks.load_tokenizer", lambda source: qwen())
    monkeypatch.delenv("HINDSIGHT_SIGNING_KEY", raising=False)
    assert main(["attest", "keygen", str(tmp_path / "mine")]) == 0
    assert main(["attest", "sign", str(corpus)]) == 1
    assert "HINDSIGHT_SIGNING_KEY names no key" in capsys.readouterr().err
    monkeypatch.setenv("HINDSIGHT_SIGNING_KEY", str(tmp_path / "mine"))
    assert main(["attest", "sign", str(corpus)]) == 0
    (tmp_path / "signature.json").write_text(capsys.readouterr().out)
    given = ["attest", "verify", str(corpus), "--signature", str(tmp_path / "signature.json")]
    assert main([*given, "--public-key", str(tmp_path / "mine.pub")]) == 0
    out = capsys.readouterr().out
    assert out.endswith(f"holds, signed with {tmp_path / 'mine.pub'}\n")
    assert "the last day is 2017-07-02, the cutoff 2017-07-02" in out
    assert main(["attest", "show", str(corpus), "--envelope", "--signature", str(tmp_path / "signature.json")]) == 0
    assert json.loads(capsys.readouterr().out)["payloadType"] == "application/vnd.in-toto+json"
    write_shard(corpus, "00000", documents(["2018-01-01"], "new"))
    assert main(given) == 1
    captured = capsys.readouterr()
    assert "new-0 of 2018-01-01" in captured.err
    assert "DOES NOT HOLD" in captured.out
    assert main(["attest", "show", str(corpus), "--envelope"]) == 1
    assert "is not signed" in capsys.readouterr().err
