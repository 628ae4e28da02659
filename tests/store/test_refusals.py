"""Stores that are refused before anything is written."""

from pathlib import Path

import pytest

from tasks.store.errors import StoreError, UnwritableStore
from tasks.store.store import Store, open_store


def test_a_store_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "file" / "store"))
    with pytest.raises(UnwritableStore, match=r"file/store cannot be written: NotADirectoryError.*Set HINDSIGHT_STORE"):
        open_store().probe()


def test_a_bucket_that_does_not_exist_is_refused(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", "s3://missing-bucket")
    with pytest.raises(UnwritableStore, match="s3://missing-bucket cannot be written"):
        open_store().probe()


def test_wrong_keys_are_refused_and_not_printed(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-91be")
    with pytest.raises(UnwritableStore, match="cannot be written") as refusal:
        open_store().probe()
    assert "wrong-secret-91be" not in str(refusal.value)


def test_a_probe_leaves_nothing_behind(store: Store) -> None:
    store.probe()
    assert list(store.objects.list("")) == []


@pytest.mark.parametrize("url", ["gs://bucket/x", "s3://", "http://host/x"])
def test_a_store_url_of_another_kind_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", url)
    with pytest.raises(StoreError, match="HINDSIGHT_STORE="):
        open_store()
