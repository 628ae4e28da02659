"""The record of a rented machine: events, numbered from 1, each sealed and naming the seal of the one before it.

`machines/<name>/<number>.json`. The first, with the terms, is written before the provider is asked, so that no machine
exists without a record. An event is written only if its number is free, which the store decides: of a parent that
takes a lease on a machine and a sweeper that stops it, one is first, and the other decides anew.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

from pydantic import AwareDatetime, Field

from tasks.common.settings import Frozen
from tasks.rent.config import ProviderName
from tasks.rent.errors import DamagedRecord, RentError, UnknownMachine
from tasks.store.connect import probe_objects
from tasks.store.refs import Segment, Sha256
from tasks.store.sealed import DamagedFile, Sealed, read_sealed
from tasks.store.store import Store

log = logging.getLogger(__name__)

FOLDER = "machines"
SECONDS_PER_HOUR = 3_600
Action = Literal["rent", "started", "lease", "stop", "stopped"]


class Terms(Frozen):
    """What was rented, until when, and for whom."""

    provider: ProviderName
    pool: str
    offer: str
    dollars_per_hour: float = Field(ge=0)
    ends_at: AwareDatetime
    """The end of the machine's lease, UTC."""
    idle_minutes: float = Field(gt=0)
    tags: tuple[str, ...] = ()
    """Of the run that rented it: who pays."""
    run: str = ""
    """That run."""


class Event(Sealed):
    """One step of a machine's life."""

    schema_version: Literal[1] = 1
    machine: Segment
    number: int = Field(ge=1, le=999_999)
    previous: Sha256 | None
    action: Action
    at: AwareDatetime
    by: str = Field(max_length=300)
    why: str = Field(max_length=2_000)
    terms: Terms | None = None
    """Of `rent`."""
    artifact: str = ""
    """Of `lease`: path of the artifact that the machine must leave in the store."""
    provider_id: str = Field("", max_length=200, exclude_if=lambda provider_id: not provider_id)
    """Of `started`: what the provider calls the machine. Left out where empty, as in older events."""
    receipts: tuple[str, ...] = ()
    """Of `stop`: the proofs, by their names in the store."""
    lost: tuple[str, ...] = ()
    """Of `stop` and `stopped`: leased artifacts without a receipt."""


@dataclass(frozen=True)
class Machine:
    """A machine as its events leave it. The first event has its terms."""

    name: str
    terms: Terms
    events: tuple[Event, ...]

    def find(self, action: Action) -> Event | None:
        """The first event of a kind; None if there is none."""
        return next((event for event in self.events if event.action == action), None)

    @property
    def rented_at(self) -> datetime:
        """When the record was written, just before the provider was asked."""
        return self.events[0].at

    @property
    def provider_id(self) -> str:
        """What the provider calls it; empty if it has its name there, or was never seen there."""
        return next((event.provider_id for event in self.events if event.provider_id), "")

    @property
    def is_open(self) -> bool:
        """Whether it may still cost: its stop is not confirmed."""
        return self.find("stopped") is None

    @property
    def is_stopping(self) -> bool:
        """Whether it was decided that it stops, so that no lease can be taken on it."""
        return self.find("stop") is not None or not self.is_open

    @property
    def owed(self) -> dict[str, datetime]:
        """Artifacts that it must leave in the store, with the moment of the last lease on each."""
        return {event.artifact: event.at for event in self.events if event.action == "lease"}

    @property
    def lost(self) -> tuple[str, ...]:
        """Artifacts that it was stopped without."""
        return tuple(dict.fromkeys(path for event in self.events for path in event.lost))

    def dollars(self, now: datetime, since: datetime | None = None) -> float:
        """The bill from a moment on, at the price of its offer; until now while its stop is not confirmed."""
        stopped = self.find("stopped")
        began = max(self.rented_at, since) if since else self.rented_at
        seconds = ((stopped.at if stopped else now) - began).total_seconds()
        return max(seconds, 0.0) * self.terms.dollars_per_hour / SECONDS_PER_HOUR


@dataclass(frozen=True)
class MachineList:
    """All machines of a store, in order of their names, and a sentence for each record that cannot be read."""

    machines: tuple[Machine, ...]
    unreadable: dict[str, str]

    def open_of(self, pool: str) -> list[Machine]:
        """The machines of a pool that may still cost."""
        return [each for each in self.machines if each.is_open and each.terms.pool == pool]


def prefix_of(store: Store) -> str:
    """What names of this store's machines begin with, so that stores can share a provider's account."""
    return f"hs-{sha256(store.url.encode()).hexdigest()[:6]}-"


def open_record(store: Store, known: MachineList, terms: Terms, by: str, why: str) -> Machine | None:
    """Write the record of a machine that is about to be rented.

    Args:
        store: Holds the records.
        known: All machines, among which there was none to use. The name is the next one after these.
        terms: What is rented.
        by: Who.
        why: One sentence.

    Returns:
        The machine; None if another renter has written a record since: look again.

    Raises:
        RentError: If the store cannot tell which of two writers was first.
    """
    if not probe_objects(store.objects).conditional_writes:
        raise RentError(
            f"{store.url} lets a second writer overwrite an object (If-None-Match is not enforced), so that a machine "
            "could be stopped while a lease is taken on it; nothing was rented. Use a store that enforces it, such as "
            "a folder or Amazon S3."
        )
    prefix = f"{prefix_of(store)}{terms.pool}-"
    names = [*(machine.name for machine in known.machines), *known.unreadable]
    taken = [int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)]
    name = f"{prefix}{max(taken, default=0) + 1}"
    event = _event(name, (), "rent", by, why, terms=terms)
    return Machine(name, terms, (event,)) if _written(store, event) else None


def append(
    store: Store, name: str, action: Action, *, by: str, decide: Callable[[Machine], dict[str, object] | None]
) -> Machine:
    """Add an event, decided on the machine as it is when the event is written.

    Args:
        store: Holds the record.
        name: The machine.
        action: The event.
        by: Who.
        decide: The event's other fields (`why` at least), or None to add nothing; called again if another event was
            written meanwhile.

    Returns:
        The machine afterwards.
    """
    while True:
        machine = read_machine(store, name)
        if (fields := decide(machine)) is None:
            return machine
        event = _event(name, machine.events, action, by, **fields)
        if _written(store, event):
            log.info("machine %s: %s: %s", name, action, event.why)
            return Machine(name, machine.terms, (*machine.events, event))


def read_machine(store: Store, name: str) -> Machine:
    """A machine by its name.

    Raises:
        UnknownMachine: If there is no record.
        DamagedRecord: If an event is missing, changed, or does not follow the one before it.
    """
    events: list[Event] = []
    for info in store.objects.list(f"{FOLDER}/{name}/"):
        try:
            event = read_sealed(store.objects, info.name, Event)
        except (DamagedFile, FileNotFoundError) as error:
            raise DamagedRecord(f"{info.name} in {store.url} cannot be read: {error}") from error
        previous = events[-1].seal if events else None
        if (event.machine, event.number, event.previous) != (name, len(events) + 1, previous):
            raise DamagedRecord(
                f"{info.name} in {store.url} is not event {len(events) + 1} of {name}: one before it is missing or was "
                "replaced. Look at the machine at its provider."
            )
        events.append(event)
    if not events or events[0].terms is None:
        raise UnknownMachine(f"no record of machine {name} in {store.url}; `hindsight rent ls` lists machines.")
    return Machine(name, events[0].terms, tuple(events))


def machine_names(store: Store) -> list[str]:
    """Names of all machines ever rented, in order."""
    return sorted({info.name.split("/")[1] for info in store.objects.list(f"{FOLDER}/")})


def list_machines(store: Store, pools: Collection[str | None] | None = None) -> MachineList:
    """Every machine, or those of some pools, whose names say so; an unreadable record hides no other."""
    found, unreadable = [], {}
    for name in machine_names(store):
        if pools is not None and name.split("-", 2)[-1].rpartition("-")[0] not in pools:
            continue
        try:
            found.append(read_machine(store, name))
        except (DamagedRecord, UnknownMachine) as error:
            unreadable[name] = str(error)
    return MachineList(tuple(found), unreadable)


def losses(store: Store, artifacts: Collection[str]) -> list[str]:
    """A sentence for each rented machine that was stopped without one of these artifacts.

    Args:
        store: Holds the records.
        artifacts: Paths, `kind/label/key`.
    """
    return [
        f"Machine {machine.name} of {machine.terms.provider} was stopped at {stopped.at:%Y-%m-%d %H:%M} UTC without a "
        f"receipt for {', '.join(lost)}; it had cost ${machine.dollars(stopped.at):,.2f}."
        for machine in list_machines(store).machines
        if (stopped := machine.find("stopped")) and (lost := sorted(set(machine.lost) & set(artifacts)))
    ]


def _event(name: str, events: tuple[Event, ...], action: Action, by: str, why: object, **fields: object) -> Event:
    previous = events[-1].seal if events else None
    at = max([datetime.now(UTC), *(event.at for event in events[-1:])])
    content = {"machine": name, "number": len(events) + 1, "previous": previous, "action": action, "at": at, "by": by}
    return Event.model_validate({**content, "why": why, **fields}).sealed()


def _written(store: Store, event: Event) -> bool:
    """Whether this event is the one of its number. A write whose answer was lost is found by reading it."""
    name = f"{FOLDER}/{event.machine}/{event.number:06}.json"
    return store.objects.write_new(name, event.to_bytes()) or store.objects.read(name) == event.to_bytes()
