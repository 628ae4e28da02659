"""A corpus as a `datasets.Dataset`: the same documents and ids in the same order, mapped from disk."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.schemas.artifacts import TextShards
from tests.corpus.made_corpus import documents as made_documents
from tests.corpus.made_corpus import make_corpus, write_shard


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TextShards:
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "users-cache")
    return TextShards(make_corpus(tmp_path / "corpus"))


def test_rows_are_the_documents_and_their_ids_in_training_order(shards: TextShards, tmp_path: Path) -> None:
    for part in (shards, shards.validation()):
        dataset = part.dataset()
        assert dataset.column_names == ["id", "date", "text", "input_ids"]
        documents = list(part.documents())
        assert [(row["id"], row["date"], row["text"]) for row in dataset] == [
            (each.id, each.date, each.text) for each in documents
        ]
        for row, ids in zip(dataset, part.token_ids(), strict=True):
            assert np.array_equal(row["input_ids"], ids)
    assert dataset.features["input_ids"].feature.dtype == "uint32"
    # Mapped from a file of the state folder, and nothing of it in the user's cache.
    (file,) = dataset.cache_files
    assert Path(file["filename"]).is_relative_to(tmp_path / "state" / "datasets")
    assert not (tmp_path / "users-cache").exists()


def test_its_ids_are_tensors_of_torch(shards: TextShards) -> None:
    ids = shards.dataset().select_columns("input_ids").with_format("torch")[1]["input_ids"]
    assert torch.equal(ids, torch.tensor(list(shards.token_ids())[1].astype(np.int64)).to(ids.dtype))


def test_the_copy_is_used_until_a_shard_changes(shards: TextShards) -> None:
    first = shards.dataset()
    assert shards.dataset().cache_files == first.cache_files
    write_shard(shards.path, "00002", made_documents(["2016-01-01"], "more"))
    assert shards.dataset()["id"][:] == [*first["id"], "more-0"]


def test_a_corpus_without_validation_has_an_empty_one(tmp_path: Path) -> None:
    assert TextShards(tmp_path).validation().dataset().num_rows == 0
