"""A corpus with its statement, and a key to sign it."""

from pathlib import Path

import pytest

from tasks.corpus.attest import write_statement
from tasks.corpus.attest.keys import make_keys
from tests.corpus.made_corpus import (
    CONFIG,
    digest_of,
    make_corpus,
)


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
