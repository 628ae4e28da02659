"""Leases on rented compute: a launcher renews its lease; if the launcher dies, the lease becomes overdue."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime

from tasks.store.errors import StoreError
from tasks.store.refs import Segment
from tasks.store.sealed import DamagedFile, Sealed, read_sealed
from tasks.store.store import Store

log = logging.getLogger(__name__)


class LeaseHeld(StoreError):
    """Another launcher holds the lease, and it is not overdue."""


class LeaseMissing(StoreError):
    """The lease does not exist."""


class Lease(Sealed):
    """Who rents which machine, and until when the renter is assumed to be alive."""

    schema_version: Literal[1] = 1
    name: Segment
    holder: str
    """The launcher: host, process, run."""
    what: str
    """What is rented, such as `train/h100`."""
    artifact: str
    """Path of the artifact it is rented for, `kind/label/key`: only a receipt of this one releases it."""
    taken_at: AwareDatetime
    """UTC, by the holder's clock."""
    expires_at: AwareDatetime
    """UTC. The holder renews well before; afterwards the lease is overdue."""

    def is_overdue(self, now: datetime | None = None) -> bool:
        """Whether it was not renewed in time."""
        return (now or datetime.now(UTC)) >= self.expires_at


@dataclass(frozen=True)
class LeaseList:
    """All leases of a store.

    Args:
        leases: Those that can be read, in name order.
        unreadable: An error message for each other one.
    """

    leases: tuple[Lease, ...]
    unreadable: tuple[str, ...]

    def overdue(self, now: datetime | None = None) -> tuple[Lease, ...]:
        """Leases that were not renewed in time."""
        return tuple(lease for lease in self.leases if lease.is_overdue(now))


def new_lease(name: str, holder: str, what: str, artifact: str, valid_seconds: float) -> Lease:
    """A lease for `valid_seconds` from now, not yet taken. Raises StoreError if it would be overdue at once."""
    until, now = _after(valid_seconds), datetime.now(UTC)
    return Lease(name=name, holder=holder, what=what, artifact=artifact, taken_at=now, expires_at=until).sealed()


def take(store: Store, lease: Lease) -> Lease:
    """Write a lease unless another holder has one that is not overdue.

    Advisory: on a server without conditional writes two takers at the same moment may both succeed.

    Raises:
        LeaseHeld: If another holder's lease is not overdue.
    """
    name, holder = lease.name, lease.holder
    if store.objects.write_new(_object_name(name), lease.to_bytes()):
        return lease
    existing = read_lease(store, name)
    if existing.holder != holder and not existing.is_overdue():
        raise LeaseHeld(
            f"lease {name} in {store.url} is held by {existing.holder} until {clock(existing.expires_at)}; it can be "
            "taken over when it is overdue."
        )
    if existing.holder != holder:
        log.warning("lease %s: taken over from %s, overdue since %s", name, existing.holder, clock(existing.expires_at))
    store.objects.write(_object_name(name), lease.to_bytes())
    return lease


def renew(store: Store, lease: Lease, valid_seconds: float) -> Lease:
    """Extend a lease to `valid_seconds` from now.

    Raises:
        LeaseMissing: If it was released meanwhile.
        LeaseHeld: If another holder has taken it over.
    """
    existing = read_lease(store, lease.name)
    if existing.holder != lease.holder:
        raise LeaseHeld(f"lease {lease.name} in {store.url} was taken over by {existing.holder}; it is not renewed.")
    renewed = lease.model_copy(update={"expires_at": _after(valid_seconds)}).sealed()
    store.objects.write(_object_name(lease.name), renewed.to_bytes())
    return renewed


def read_lease(store: Store, name: str) -> Lease:
    """The lease of a name.

    Raises:
        LeaseMissing: If it does not exist.
        DamagedFile: If it is cut or changed.
    """
    try:
        return read_sealed(store.objects, _object_name(name), Lease)
    except FileNotFoundError as error:
        raise LeaseMissing(f"no lease {name} in {store.url}; `hindsight store leases` lists them.") from error


def list_leases(store: Store) -> LeaseList:
    """Every lease in the store; an unreadable one hides no other."""
    leases, unreadable = [], []
    for info in store.objects.list("leases/"):
        try:
            leases.append(read_sealed(store.objects, info.name, Lease))
        except DamagedFile as error:
            unreadable.append(str(error))
        except FileNotFoundError:
            continue  # released between the listing and now
    return LeaseList(tuple(leases), tuple(unreadable))


def end(store: Store, name: str) -> None:
    """Remove the lease of a stopped machine. Programs call `release_compute` instead, which requires a receipt."""
    store.objects.delete(_object_name(name))


def clock(moment: datetime) -> str:
    """A moment as text for messages."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _after(valid_seconds: float) -> datetime:
    if not valid_seconds > 0:
        raise StoreError(f"a lease of {valid_seconds} s is overdue at once; give more than 0.")
    return datetime.now(UTC) + timedelta(seconds=valid_seconds)


def _object_name(name: str) -> str:
    return f"leases/{name}.json"
