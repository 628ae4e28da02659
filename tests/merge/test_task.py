"""The merged model carries its checkpoint's statement."""

import hashlib
import shutil
from pathlib import Path

import pytest

from tasks.base.config import ARTIFACT_TYPE as BASE
from tasks.base.config import BaseConfig, TinySource
from tasks.common.settings import state_dir
from tasks.merge.config import MergeConfig
from tasks.merge.task import publish_merge
from tasks.provenance.model_statement import CORPUS_STATEMENT_NAME, model_statement, write_model_statement
from tasks.provenance.statement import STATEMENT_NAME, Statement, StatementDamaged, files_of, write_statement_of
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store
from tasks.train.config import ARTIFACT_TYPE as TRAIN
from tasks.train.config import TrainConfig
from tests.merge.models import random_adapter, tiny_base

CLAIM = {"claim": "written by 1900", "cutoff": "1900-12-31", "side": "known", "n_documents": 6, "n_tokens": 600}


def published_base() -> ArtifactRef:
    return open_store().publish(BASE.spec(BaseConfig(source=TinySource())), tiny_base().path, {"pretrained": False}, 1)


def published_checkpoint(base: ArtifactRef, root: Path, with_statement: bool = True) -> ArtifactRef:
    """An adapter as the train stage publishes it."""
    folder, corpus_dir = root / "checkpoint", root / "corpus"
    shutil.copytree(random_adapter(0.05).path, folder)
    corpus_dir.mkdir()
    corpus = write_statement_of(corpus_dir, "urn:test", CLAIM)
    if with_statement:
        statement = model_statement({"pretrained": False}, corpus, "lora", base_digest=base.digest, tokens_seen=500)
        write_model_statement(folder, statement, corpus)
    return open_store().publish(TRAIN.spec(TrainConfig(), {"base": base, "corpus": base}), folder, {}, 1)


def test_a_merged_model_repeats_its_checkpoint_s_statement_and_names_its_own_files(tmp_path: Path) -> None:
    store, base = open_store(), published_base()
    checkpoint = published_checkpoint(base, tmp_path)
    merged, trained = (store.fetch(ref) for ref in (publish_merge.fn(MergeConfig(), base, checkpoint), checkpoint))
    statement, before = (Statement.read(folder / STATEMENT_NAME) for folder in (merged, trained))
    statement_sha256 = hashlib.sha256((trained / STATEMENT_NAME).read_bytes()).hexdigest()
    assert statement.predicate == {**before.predicate, "merged_from": {"statement_sha256": statement_sha256}}
    assert statement.predicate["base"]["digest"] == base.digest
    assert statement.predicate["training"] == {"arm": "lora", "tokens_seen": 500}
    assert (
        statement.predicate["corpus"]["statement_sha256"]
        == hashlib.sha256((merged / CORPUS_STATEMENT_NAME).read_bytes()).hexdigest()
    )
    assert {"model.safetensors", "config.json", "tokenizer.json", CORPUS_STATEMENT_NAME} <= statement.digests.keys()
    assert statement.digests == {
        name: hashlib.sha256((merged / name).read_bytes()).hexdigest() for name in files_of(merged)
    }


def test_a_checkpoint_without_a_statement_is_not_published_as_a_model(tmp_path: Path) -> None:
    base = published_base()
    bare = published_checkpoint(base, tmp_path, with_statement=False)
    with pytest.raises(StatementDamaged, match=r"statement\.json is not an in-toto statement"):
        publish_merge.fn(MergeConfig(), base, bare)
    assert list(open_store().objects.list("merge/")) == []
    # Finished files stay on this machine for the retry.
    assert list((state_dir() / "work").glob("merge-*/*.finished.json"))
