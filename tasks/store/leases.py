"""Leases on rented compute: whoever launches a machine keeps one, so that a dead launcher leaves a trace that calls."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime

from tasks.store.errors import StoreError
from tasks.store.refs import Segment
from tasks.store.sealed import BadNote, Sealed, read_sealed
from tasks.store.store import Store

log = logging.getLogger(__name__)


class LeaseHeld(StoreError):
    """Another launcher, alive as far as one can tell, holds the lease."""


class LeaseMissing(StoreError):
    """No lease of that name stands in the store."""


class Lease(Sealed):
    """Who keeps which machine, and until when it is believed to be alive."""

    schema_version: Literal[1] = 1
    name: Segment
    holder: str
    """The launcher: host, process, run."""
    what: str
    """What is rented, such as `train/h100`."""
    artifact: str
    """Path of the artifact it is rented for, `kind/label/key`: only this one's receipt releases it."""
    taken_at: AwareDatetime
    """UTC, by the holder's clock."""
    expires_at: AwareDatetime
    """UTC. A holder renews well before; after it the lease is overdue."""

    def is_overdue(self, now: datetime | None = None) -> bool:
        """Whether nobody has renewed it in time."""
        return (now or datetime.now(UTC)) >= self.expires_at


@dataclass(frozen=True)
class LeaseList:
    """What stands below `leases/`.

    Args:
        leases: Those that can be read, in name order.
        unreadable: A sentence for each that cannot.
    """

    leases: tuple[Lease, ...]
    unreadable: tuple[str, ...]

    def overdue(self, now: datetime | None = None) -> tuple[Lease, ...]:
        """Leases whose holder has not renewed them in time."""
        return tuple(lease for lease in self.leases if lease.is_overdue(now))


def new_lease(name: str, holder: str, what: str, artifact: str, valid_seconds: float) -> Lease:
    """A lease that runs for `valid_seconds` from now, not yet taken.

    Raises:
        StoreError: If it would be overdue at once.
    """
    until = _after(valid_seconds)
    now = datetime.now(UTC)
    return Lease(name=name, holder=holder, what=what, artifact=artifact, taken_at=now, expires_at=until).sealed()


def take(store: Store, lease: Lease) -> Lease:
    """Write a lease where none stands, or where this holder's or an overdue one does.

    Advisory: on a server without conditional writes two takers at the same moment may both succeed.

    Raises:
        LeaseHeld: If another holder's lease has not run out.
    """
    name, holder = lease.name, lease.holder
    if store.objects.write_new(_at(name), lease.to_bytes()):
        return lease
    standing = read_lease(store, name)
    if standing.holder != holder and not standing.is_overdue():
        raise LeaseHeld(
            f"lease {name} in {store.url} is held by {standing.holder} until {clock(standing.expires_at)}; it can be "
            "taken over when it is overdue."
        )
    if standing.holder != holder:
        log.warning("lease %s: taken over from %s, overdue since %s", name, standing.holder, clock(standing.expires_at))
    store.objects.write(_at(name), lease.to_bytes())
    return lease


def renew(store: Store, lease: Lease, valid_seconds: float) -> Lease:
    """Move a lease's end to `valid_seconds` from now.

    Raises:
        LeaseMissing: If it was released meanwhile.
        LeaseHeld: If another holder has taken it over.
    """
    standing = read_lease(store, lease.name)
    if standing.holder != lease.holder:
        raise LeaseHeld(f"lease {lease.name} in {store.url} was taken over by {standing.holder}; it is not renewed.")
    renewed = lease.model_copy(update={"expires_at": _after(valid_seconds)}).sealed()
    store.objects.write(_at(lease.name), renewed.to_bytes())
    return renewed


def read_lease(store: Store, name: str) -> Lease:
    """The lease of a name.

    Raises:
        LeaseMissing: If there is none.
        BadNote: If it is cut or changed.
    """
    try:
        return read_sealed(store.objects, _at(name), Lease)
    except FileNotFoundError as error:
        raise LeaseMissing(f"no lease {name} in {store.url}; `python -m tasks.store leases` lists them.") from error


def list_leases(store: Store) -> LeaseList:
    """Every lease in the store; one that cannot be read hides no other."""
    leases, unreadable = [], []
    for info in store.objects.list("leases/"):
        try:
            leases.append(read_sealed(store.objects, info.name, Lease))
        except BadNote as error:
            unreadable.append(str(error))
        except FileNotFoundError:
            continue  # released between the listing and now
    return LeaseList(tuple(leases), tuple(unreadable))


def end(store: Store, name: str) -> None:
    """Remove a lease: its machine was stopped. A program calls `release_compute` instead, which asks for a receipt."""
    store.objects.delete(_at(name))


def _after(valid_seconds: float) -> datetime:
    if not valid_seconds > 0:
        raise StoreError(f"a lease of {valid_seconds} s is overdue at once; give more than 0.")
    return datetime.now(UTC) + timedelta(seconds=valid_seconds)


def _at(name: str) -> str:
    return f"leases/{name}.json"


def clock(moment: datetime) -> str:
    """A moment as messages say it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
