"""What a machine owes: a receipt for every artifact that was leased on it."""

import logging
from datetime import UTC, datetime, timedelta

from tasks.rent.machines import Machine
from tasks.store.errors import StoreError
from tasks.store.leases import list_leases
from tasks.store.receipts import BadReceipt, Receipt, check_proves, read_receipt, verify
from tasks.store.sealed import DamagedFile
from tasks.store.store import Store

log = logging.getLogger(__name__)

CLOCKS_APART = timedelta(minutes=2)
"""Tolerance for the difference between the clocks of a machine and of a parent."""


def receipts_of(store: Store, machine: Machine) -> dict[str, Receipt | str]:
    """The proof of each artifact that a machine owes, or one sentence why there is none."""
    return {artifact: receipt_since(store, artifact, at) for artifact, at in machine.owed.items()}


def receipt_since(store: Store, artifact: str, leased_at: datetime) -> Receipt | str:
    """The newest receipt that proves an artifact as it is in the store; otherwise why none does.

    One from before the lease proves nothing of the machine's work: it may be of what is being rebuilt.
    """
    reason = f"{artifact} has no receipt since its lease of {leased_at:%Y-%m-%d %H:%M:%S} UTC"
    for info in sorted(store.objects.list(f"receipts/{artifact}/"), key=lambda info: info.name, reverse=True):
        try:
            receipt = read_receipt(store, info.name)
            if receipt.verified_at < leased_at:
                return reason
            check_proves(store, artifact, receipt)
        except (BadReceipt, DamagedFile) as error:
            reason = str(error)
        except FileNotFoundError:
            reason = f"{artifact} has a receipt, and no record in the store any more"
        else:
            return receipt
    return reason


def unproved(proofs: dict[str, Receipt | str]) -> dict[str, str]:
    """The artifacts without a receipt, with the reasons."""
    return {artifact: found for artifact, found in proofs.items() if isinstance(found, str)}


def prove_orphans(store: Store, machine: Machine, of_the_living: bool = False) -> None:
    """Read back and hash what a machine has left in the store and no living parent verifies.

    An artifact from before its lease is not: it may be what the machine was to rebuild.

    Args:
        store: Holds leases and artifacts.
        machine: What has left them.
        of_the_living: Also what a parent whose lease is not overdue verifies.
    """
    now = datetime.now(UTC)
    alive = {lease.artifact for lease in list_leases(store).leases if not lease.is_overdue(now)}
    for artifact in unproved(receipts_of(store, machine)):
        if artifact in alive and not of_the_living:
            continue
        try:
            record = store.records.read(artifact)
            if record.finished_at < machine.owed[artifact] - CLOCKS_APART:
                log.info("machine %s: %s in the store is older than its lease", machine.name, artifact)
                continue
            receipt = verify(record.ref, store.url)
            log.info("machine %s: %s is proved by %s", machine.name, artifact, receipt.name)
        except FileNotFoundError:
            log.info("machine %s: %s is not in the store", machine.name, artifact)
        except StoreError as error:
            log.warning("machine %s: %s is not proved: %s", machine.name, artifact, error)
