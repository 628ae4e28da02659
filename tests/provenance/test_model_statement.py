"""A model's statement names base, revision and corpus, and never calls a continued model point-in-time."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.provenance.model_statement import (
    UnknownCorpus,
    carry_model_statement,
    model_statement,
    tuned_model_statement,
    write_model_statement,
    write_tuned_statement,
)
from tasks.provenance.statement import Statement, StatementDamaged, write_statement_of

HUB = {"repo": "Qwen/Qwen3.5-35B-A3B-Base", "revision": "0f08" * 10, "pretrained": True}
CLAIM = {
    "claim": "every document's date lies on or before cutoff=2017-07-02",
    "cutoff": "2017-07-02",
    "side": "known",
    "n_documents": 6,
    "n_tokens": 600,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "ledger.json").write_text("{}")
    return write_statement_of(folder, "urn:test", CLAIM)


def claim_about(corpus: Path, facts: dict[str, Any], arm: str = "lora") -> dict[str, Any]:
    return model_statement(facts, corpus, arm, base_digest="b" * 64, tokens_seen=500)


def test_a_continued_model_names_its_base_its_revision_and_that_its_cutoff_is_unknown(corpus: Path) -> None:
    found = claim_about(corpus, HUB)
    assert found["base"] == {**HUB, "digest": "b" * 64, "knowledge_cutoff": "unknown"}
    assert found["corpus"]["statement_sha256"] == hashlib.sha256(corpus.read_bytes()).hexdigest()
    assert (found["corpus"]["cutoff"], found["training"]) == ("2017-07-02", {"arm": "lora", "tokens_seen": 500})
    words = " ".join(found["says"])
    assert f"Qwen/Qwen3.5-35B-A3B-Base at revision {'0f08' * 10}, whose own knowledge cutoff is unknown" in words
    assert "not point-in-time" in words


facts = st.fixed_dictionaries(
    {},
    optional={
        "pretrained": st.sampled_from([True, False, None, "no", 0]),
        "repo": st.sampled_from(["a/b", None]),
        "revision": st.sampled_from(["c" * 40, None]),
        "knowledge_cutoff": st.sampled_from(["2013-12-31", "", None]),
    },
)


@given(facts, st.sampled_from(["lora", "full-weight"]))
def test_only_weights_known_to_have_read_nothing_lack_the_sentence(corpus: Path, facts, arm: str) -> None:
    found = claim_about(corpus, facts, arm)
    is_scratch = facts.get("pretrained") is False
    assert found["point_in_time"] == ("weights only" if is_scratch else "no")
    assert any("not point-in-time" in line for line in found["says"]) == (not is_scratch)
    assert json.dumps(found, sort_keys=True) == json.dumps(claim_about(corpus, facts, arm), sort_keys=True)


def test_a_known_cutoff_is_named_and_changes_no_verdict(corpus: Path) -> None:
    found = claim_about(corpus, {**HUB, "knowledge_cutoff": "2013-12-31"})
    assert "whose own knowledge cutoff is said to be 2013-12-31" in found["says"][1]
    assert found["point_in_time"] == "no"


def test_weights_that_read_nothing_but_a_placebos_text_are_not_point_in_time(tmp_path: Path) -> None:
    later = write_statement_of(tmp_path, "urn:test", {**CLAIM, "side": "after"})
    assert claim_about(later, {"pretrained": False})["point_in_time"] == "no"


def test_the_statement_travels_from_checkpoint_to_merge_with_the_corpuss_own(corpus: Path, tmp_path: Path) -> None:
    train, merged = tmp_path / "train", tmp_path / "merge"
    for folder, name in ((train, "adapter/adapter_model.safetensors"), (merged, "model.safetensors")):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(name.encode())
    path = write_model_statement(train, claim_about(corpus, HUB), corpus)
    assert Statement.read(path).digests == {
        "adapter/adapter_model.safetensors": hashlib.sha256(b"adapter/adapter_model.safetensors").hexdigest(),
        "corpus-statement.json": hashlib.sha256(corpus.read_bytes()).hexdigest(),
    }
    carried = Statement.read(carry_model_statement(train, merged))
    assert set(carried.digests) == {"model.safetensors", "corpus-statement.json"}
    assert carried.predicate["merged_from"] == {"statement_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert carried.predicate["says"] == claim_about(corpus, HUB)["says"]
    assert (merged / "corpus-statement.json").read_bytes() == corpus.read_bytes()


def test_a_tuned_models_statement_names_its_mix_and_travels_without_a_corpus(tmp_path: Path) -> None:
    train, merged = tmp_path / "train", tmp_path / "merge"
    for folder in (train, merged):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"weights")
    facts = {"objective": "chat", "arm": "lora", "n_epochs": 2, "tokens_seen": 900, "final_loss": 1.0}
    claim = tuned_model_statement({}, {"tokenized": "a" * 64, "mix": "c" * 64}, facts, base_digest="b" * 64)
    assert claim["training"] == {"objective": "chat", "arm": "lora", "n_epochs": 2, "tokens_seen": 900}
    assert (claim["examples"]["mix"], claim["point_in_time"]) == ("c" * 64, "no")
    path = write_tuned_statement(train, claim)
    carried = Statement.read(carry_model_statement(train, merged))
    assert carried.predicateType == Statement.read(path).predicateType == "urn:hindsight:tuned-model:v1"
    assert set(carried.digests) == {"model.safetensors"}
    assert carried.predicate["merged_from"] == {"statement_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_a_checkpoint_without_a_statement_and_a_statement_of_no_corpus_are_refused(
    corpus: Path, tmp_path: Path
) -> None:
    with pytest.raises(StatementDamaged, match=r"statement\.json is not an in-toto statement: No such file"):
        carry_model_statement(tmp_path, tmp_path)
    with pytest.raises(UnknownCorpus, match="has no 'claim'"):
        claim_about(write_statement_of(tmp_path, "urn:test", {}), HUB)
