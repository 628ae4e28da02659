"""A machine is released by a receipt and nothing else."""

from datetime import timedelta
from pathlib import Path

import pytest

from tasks.store.errors import ArtifactDamaged, StoreError
from tasks.store.leases import Lease, LeaseMissing, list_leases, new_lease, read_lease, take
from tasks.store.receipts import BadReceipt, Receipt, release_compute, verify
from tasks.store.refs import ArtifactRef
from tasks.store.sealed import DamagedFile
from tasks.store.store import Store, open_store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published


def lease_for(artifact: str) -> Lease:
    return new_lease("node-1", "one", "train/h100", artifact, 600)


@pytest.fixture
def stopped() -> list[str]:
    return []


@pytest.fixture
def proved(store: Store, folder: Path) -> tuple[Store, Receipt]:
    """A published and verified artifact, and a lease on the machine that made it."""
    ref = published(store, folder)
    take(store, lease_for(ref.path))
    return store, verify(ref)


def refused(store: Store, receipt: object, stopped: list[str], match: str) -> None:
    with pytest.raises(BadReceipt, match=match):
        release_compute(store, "node-1", receipt, lambda: stopped.append("node-1"))
    assert stopped == []
    assert read_lease(store, "node-1").what == "train/h100"


def test_a_receipt_stops_the_machine_and_ends_its_lease(proved: tuple[Store, Receipt], stopped: list[str]) -> None:
    store, receipt = proved
    release_compute(store, "node-1", receipt, lambda: stopped.append("node-1"))
    assert stopped == ["node-1"]
    assert list_leases(store).leases == ()


@pytest.mark.parametrize("word", [True, "done", None])
def test_only_a_receipt_stops_a_machine(proved: tuple[Store, Receipt], stopped: list[str], word: object) -> None:
    refused(proved[0], word, stopped, rf"by a receipt alone, not by {word!r} of type {type(word).__name__}")


def test_a_reference_is_not_a_receipt(proved: tuple[Store, Receipt], stopped: list[str]) -> None:
    store, receipt = proved
    refused(store, receipt.ref, stopped, "by a receipt alone, not by ArtifactRef")


def test_a_receipt_of_another_artifact_is_refused(
    proved: tuple[Store, Receipt], folder: Path, stopped: list[str]
) -> None:
    store, receipt = proved
    other = verify(published(store, folder, ARTIFACT_TYPE.spec(SmallConfig(size=4))))
    refused(store, other, stopped, rf"lease node-1 is on train/h100 for {receipt.ref.path}, the receipt proves corpus/")


def test_an_expired_receipt_is_refused(proved: tuple[Store, Receipt], stopped: list[str]) -> None:
    store, receipt = proved
    short = verify(receipt.ref, valid_hours=1e-9)
    refused(store, short, stopped, r"expired at .* UTC; verify corpus/letters/\w+ again")


def test_a_receipt_with_a_changed_field_is_refused(proved: tuple[Store, Receipt], stopped: list[str]) -> None:
    store, receipt = proved
    later = receipt.model_copy(update={"expires_at": receipt.expires_at + timedelta(days=9)})
    refused(store, later, stopped, "was changed after it was sealed")


def test_a_receipt_sealed_again_is_not_the_one_in_the_store(proved: tuple[Store, Receipt], stopped: list[str]) -> None:
    store, receipt = proved
    forged = receipt.model_copy(update={"expires_at": receipt.expires_at + timedelta(days=9)}).sealed()
    refused(store, forged, stopped, "has another content in ")


def test_a_receipt_missing_from_the_store_is_refused(proved: tuple[Store, Receipt], stopped: list[str]) -> None:
    store, receipt = proved
    store.objects.delete(receipt.name)
    refused(store, receipt, stopped, "no receipt receipts/corpus/letters/")


def test_a_receipt_edited_in_the_store_is_refused(proved: tuple[Store, Receipt], stopped: list[str]) -> None:
    store, receipt = proved
    store.objects.write(receipt.name, receipt.to_bytes().replace(b'"n_blobs": 2', b'"n_blobs": 3'))
    with pytest.raises(DamagedFile, match=r"is not a valid receipt: .*changed after it was sealed"):
        release_compute(store, "node-1", receipt, lambda: stopped.append("node-1"))
    assert stopped == []


def test_a_receipt_of_an_artifact_rebuilt_since_is_refused(
    proved: tuple[Store, Receipt], folder: Path, stopped: list[str]
) -> None:
    store, receipt = proved
    store.objects.delete(f"{receipt.ref.path}/record.json")
    (folder / "a.txt").write_text("alphA")
    rebuilt = published(store, folder)
    assert rebuilt.digest != receipt.ref.digest
    refused(store, receipt, stopped, rf"has digest {rebuilt.digest[:12]}, its receipt proves .* rebuilt since")


def test_a_receipt_of_another_store_is_refused(
    proved: tuple[Store, Receipt], tmp_path: Path, folder: Path, stopped: list[str]
) -> None:
    store, receipt = proved
    elsewhere = Store(str(tmp_path / "elsewhere"), tmp_path / "cache")
    published(elsewhere, folder)
    refused(store, verify(receipt.ref, elsewhere.url), stopped, "is of store .*elsewhere")


def test_a_machine_that_fails_to_stop_keeps_its_lease(proved: tuple[Store, Receipt]) -> None:
    store, receipt = proved

    def stop() -> None:
        raise TimeoutError("the provider does not answer")

    with pytest.raises(TimeoutError):
        release_compute(store, "node-1", receipt, stop)
    assert read_lease(store, "node-1").artifact == receipt.ref.path


def test_without_a_lease_nothing_is_stopped(proved: tuple[Store, Receipt], stopped: list[str]) -> None:
    store, receipt = proved
    with pytest.raises(LeaseMissing, match="no lease node-2 in "):
        release_compute(store, "node-2", receipt, lambda: stopped.append("node-2"))
    assert stopped == []


def test_a_damaged_artifact_gets_no_receipt_and_keeps_its_machine(proved: tuple[Store, Receipt]) -> None:
    store, receipt = proved
    before = [info.name for info in store.objects.list("receipts/")]
    record = store.record(receipt.ref)
    store.objects.write(store.blobs.names_of(record)[0], b"alphA")
    with pytest.raises(ArtifactDamaged, match=r"No receipt is written; .* keep the machine"):
        verify(receipt.ref)
    assert [info.name for info in store.objects.list("receipts/")] == before


def test_no_artifact_no_receipt(store: Store) -> None:
    missing = ArtifactRef(kind="train", label="letters", key="0" * 16, digest="0" * 64)
    with pytest.raises(StoreError, match="no artifact train/letters/0000000000000000"):
        verify(missing)
    assert list(open_store().objects.list("receipts/")) == []
