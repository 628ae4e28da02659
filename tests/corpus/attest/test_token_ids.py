"""Which documents are tokenized for comparison, and the result if none can be."""

from pathlib import Path
from random import Random

import numpy as np

from hindsight.cli.main import main
from tasks.corpus.attest.recount import recount
from tasks.corpus.filters.cutoff import Cutoff
from tasks.schemas.tokenizer import TokenizerError
from tests.corpus.attest.checking import check
from tests.corpus.attest.tampering import (
    empty_a_shard,
    hide_a_file,
    move_an_offset,
)
from tests.corpus.made_corpus import (
    CONFIG,
)


def test_without_its_tokenizer_a_corpus_does_not_plainly_hold(corpus: Path, monkeypatch, capsys) -> None:
    def unloadable(source: object) -> None:
        raise TokenizerError("tokenizer a/b cannot be loaded: no network.")

    monkeypatch.setattr("tasks.corpus.attest.checks.load_tokenizer", unloadable)
    assert main(["attest", "verify", str(corpus)]) == 3
    *_, counted, last = capsys.readouterr().out.splitlines()
    assert "0 documents tokenized;" in counted
    assert last == "holds, but for the token ids: none was checked: tokenizer a/b cannot be loaded: no network."
    # What fails, fails: the missing tokenizer excuses nothing.
    hide_a_file(corpus)
    assert main(["attest", "verify", str(corpus), "--all"]) == 1
    out = capsys.readouterr().out
    assert "not checked: the token ids: tokenizer a/b cannot be loaded" in out
    assert out.endswith("DOES NOT HOLD: 1 failures\n")


def test_which_documents_are_tokenized_cannot_be_predicted(corpus: Path) -> None:
    drawn = set()
    for seed in range(40):
        sampled: list[str] = []
        recount(corpus, Cutoff(CONFIG.cutoff), 2, Random(seed), lambda document, ids: sampled.append(document.id))  # noqa: S311, B023
        assert [name < "d-3" for name in sampled] == [True, False]
        drawn |= {*sampled}
    assert drawn == {f"d-{n}" for n in range(6)}


def test_the_tokenized_documents_are_sampled_by_the_systems_randomness(corpus: Path, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr("tasks.corpus.attest.verdict.SystemRandom", lambda: seen.append("asked") or Random(0))  # noqa: S311
    check(corpus)
    assert seen == ["asked", "asked"]


def test_every_document_is_tokenized_if_all_are_requested(corpus: Path, monkeypatch) -> None:
    monkeypatch.setattr("tasks.corpus.attest.verdict.N_TOKENIZED", 1)
    monkeypatch.setattr("tasks.corpus.attest.checks.N_NAMED_IDS", 2)
    assert check(corpus).n_tokenized == 3
    assert check(corpus, all_token_ids=True).n_tokenized == 7
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


def test_an_unreadable_shard_hides_no_later_one_if_all_are_requested(corpus: Path) -> None:
    empty_a_shard(corpus)
    move_an_offset(corpus)
    failures = check(corpus, all_token_ids=True).failures
    assert any("shard 00000 cannot be read to its end" in failure for failure in failures)
    assert any("the token ids of document d-3 are not" in failure for failure in failures)
