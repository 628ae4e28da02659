"""What a receipt proves, and when none is written."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.store.errors import ArtifactDamaged
from tasks.store.receipts import BadReceipt, read_receipt, verify
from tasks.store.store import Store, open_store
from tests.store.small_artifact import published

LETTERS = 5 + 256 * 100


def test_a_receipt_has_what_was_read_and_until_when_it_is_valid(store: Store, folder: Path) -> None:
    ref = published(store, folder)
    receipt = verify(ref, valid_hours=2)
    assert (receipt.ref, receipt.store, receipt.n_blobs, receipt.n_bytes) == (ref, store.url, 2, LETTERS)
    assert receipt.expires_at - receipt.verified_at == timedelta(hours=2)
    assert receipt.name.startswith(f"receipts/{ref.path}/2")
    assert read_receipt(open_store(), receipt.name) == receipt


def test_a_blob_of_two_files_is_read_once(store: Store, folder: Path) -> None:
    (folder / "again.txt").write_text("alpha")
    receipt = verify(published(store, folder))
    assert (receipt.n_blobs, receipt.n_bytes) == (2, LETTERS)


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_one_wrong_byte_and_there_is_no_receipt(store: Store, folder: Path, harm: str) -> None:
    ref = published(store, folder)
    name = store.blobs.names_of(store.record(ref))[0]
    if harm == "remove":
        store.objects.delete(name)
    else:
        store.objects.write(name, b"alphA" if harm == "flip" else b"alp")
    with pytest.raises(ArtifactDamaged, match=rf"file a\.txt of artifact {ref.path} .* is damaged: .*No receipt"):
        verify(ref)
    assert list(store.objects.list("receipts/")) == []


def test_a_rebuilt_artifact_gets_no_receipt_under_its_old_reference(store: Store, folder: Path) -> None:
    ref = published(store, folder)
    with pytest.raises(ArtifactDamaged, match="the reference has 000000000000"):
        verify(ref.model_copy(update={"digest": "0" * 64}))


def test_the_callback_is_called_after_each_blob(store: Store, folder: Path) -> None:
    calls: list[int] = []
    verify(published(store, folder), between_blobs=lambda: calls.append(1))
    assert len(calls) == 2


@pytest.mark.parametrize("hours", [0, -1, float("nan")])
def test_a_receipt_that_expires_at_once_is_not_written(store: Store, folder: Path, hours: float) -> None:
    ref = published(store, folder)
    with pytest.raises(BadReceipt, match="proves nothing; give more than 0"):
        verify(ref, valid_hours=hours)


def test_two_verifications_are_two_receipts(store: Store, folder: Path) -> None:
    ref = published(store, folder)
    names = {verify(ref).name, verify(ref).name}
    assert {info.name for info in store.objects.list("receipts/")} == names


def test_no_secret_reaches_a_receipt(s3_store: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = verify(published(open_store(), folder))
    written = json.dumps(receipt.model_dump(mode="json"))
    assert "hindsight-test-secret" not in written
    assert "hindsight-test-access" not in written
