"""A published corpus is signed if a key is named; a key that cannot sign is refused before anything is read."""

from pathlib import Path

import pytest

from tasks.common.settings import state_dir
from tasks.corpus.attest import verify
from tasks.corpus.attest.keys import make_keys
from tasks.corpus.errors import KeyRefused
from tasks.corpus.task import publish_corpus
from tasks.store.store import open_store
from tests.corpus.sources.test_fineweb import fineweb
from tests.model_fixtures import qwen


@pytest.fixture(autouse=True)
def one_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.corpus.conftest import qwen_digest

    monkeypatch.setattr("tasks.corpus.attest.checks.tokenizer_digest", lambda tokenizer: qwen_digest())


def test_a_key_leaves_a_signature_in_the_record_that_holds_under_its_public_half_alone(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("key", "other"):
        make_keys(tmp_path / name)
    monkeypatch.setenv("HINDSIGHT_SIGNING_KEY", str(tmp_path / "key"))
    ref = publish_corpus.fn(fineweb(mirror))
    folder, signature = open_store().fetch(ref), open_store().record(ref).facts["signature"]
    assert isinstance(signature, dict)
    verdict = verify(folder, signature, tmp_path / "key.pub", tokenizer=qwen())
    assert (verdict.failures, verdict.unchecked) == ((), ())
    (failure,) = verify(folder, signature, tmp_path / "other.pub", tokenizer=qwen()).failures
    assert "signed with key" in failure
    monkeypatch.delenv("HINDSIGHT_SIGNING_KEY")
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path / "elsewhere"))
    unsigned = publish_corpus.fn(fineweb(mirror))
    assert open_store().record(unsigned).facts["signature"] is None
    # The signer does not change the artifact.
    assert unsigned == ref


@pytest.mark.parametrize("content", [None, "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_cannot_sign_is_refused_before_a_document_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content)
    monkeypatch.setenv("HINDSIGHT_SIGNING_KEY", str(tmp_path / "key"))
    # Were the source opened first, it would be refused for not being there.
    with pytest.raises(KeyRefused, match=r"key( .*cannot be read| is not an unencrypted PEM file)"):
        publish_corpus.fn(fineweb(tmp_path / "absent"))
    assert not (state_dir() / "work").exists()
