"""Tearing compute down: only on a receipt, never on somebody's word that all is well."""

from collections.abc import Callable
from datetime import UTC, datetime

from tasks.store.leases import Lease, clock, end, read_lease
from tasks.store.receipts import BadReceipt, Receipt, read_receipt
from tasks.store.store import Store


def release_compute(store: Store, lease_name: str, receipt: Receipt, stop: Callable[[], None]) -> None:
    """Stop a machine once its result is proved, and end its lease.

    Args:
        store: Where lease, receipt and artifact stand.
        lease_name: The machine's lease.
        receipt: The proof, from `verify`. Nothing else will do.
        stop: Ends the machine; called only after every check. If it raises, the lease stays.

    Raises:
        BadReceipt: If it is no receipt, was changed, has expired, is of another store or artifact, is unknown to the
            store, or its artifact was rebuilt since.
        LeaseMissing: If there is no such lease.
    """
    _refuse_a_bad_receipt(store, receipt)
    _refuse_another_artifact(store, read_lease(store, lease_name), receipt)
    stop()
    end(store, lease_name)


def _refuse_a_bad_receipt(store: Store, receipt: Receipt) -> None:
    if not isinstance(receipt, Receipt):
        raise BadReceipt(
            f"compute is released by a receipt alone, not by {receipt!r} of type {type(receipt).__name__}; "
            "tasks.store.receipts.verify writes one."
        )
    again = f"verify {receipt.ref.path} again"
    if not receipt.is_sealed:
        raise BadReceipt(f"receipt {receipt.name} was changed after it was sealed; {again}.")
    if receipt.expires_at <= datetime.now(UTC):
        raise BadReceipt(f"receipt {receipt.name} expired at {clock(receipt.expires_at)}; {again}.")
    if receipt.store != store.url:
        raise BadReceipt(f"receipt {receipt.name} is of store {receipt.store}, the lease of {store.url}; verify there.")
    if read_receipt(store, receipt.name) != receipt:
        raise BadReceipt(f"receipt {receipt.name} stands in {store.url} with another content; {again}.")


def _refuse_another_artifact(store: Store, lease: Lease, receipt: Receipt) -> None:
    if lease.artifact != receipt.ref.path:
        raise BadReceipt(
            f"lease {lease.name} is on {lease.what} for {lease.artifact}, the receipt proves {receipt.ref.path}; "
            f"verify {lease.artifact}."
        )
    if (found := store.records.read(receipt.ref.path).digest) != receipt.ref.digest:
        raise BadReceipt(
            f"artifact {receipt.ref.path} in {store.url} has digest {found[:12]}, its receipt proves "
            f"{receipt.ref.digest[:12]}: it was rebuilt since; verify it again."
        )
