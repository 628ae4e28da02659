"""The sweep: stops machines past their lease, proved and idle ones, and strays; names all others that may cost."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tasks.rent.config import ProviderName
from tasks.rent.errors import DamagedRecord, ProviderError, RentError, StillNeeded, UnknownMachine
from tasks.rent.lifecycle import STARTING, end_lease, finish_stop, give_back, record_stopped
from tasks.rent.machines import Machine, list_machines, prefix_of, read_machine
from tasks.rent.proof import prove_orphans
from tasks.rent.providers.provider import Listed, Provider
from tasks.store.leases import clock
from tasks.store.store import Store

log = logging.getLogger(__name__)


class MachinesLeft(RentError):
    """Machines may cost, and the sweep could not stop them or could not ask."""


@dataclass
class Sweep:
    """What a sweep did and found.

    Args:
        stopped: A sentence for each machine that it stopped, or found ended.
        running: One for each that is within its lease.
        problems: One for each that may cost and should not, or of which nothing is known.
    """

    stopped: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raise MachinesLeft with every problem."""
        if self.problems:
            raise MachinesLeft(" ".join(self.problems))


@dataclass
class Sweeper:
    """Looks at every machine once.

    Args:
        store: Holds the records.
        provider_of: The provider of a name.
        is_idle: Whether nothing runs or waits in a pool; raises if the server does not answer.
        is_served: Whether a worker of a pool has sent a heartbeat; the same.
        by: Who.
        now: UTC.
    """

    store: Store
    provider_of: Callable[[ProviderName], Provider]
    is_idle: Callable[[str], bool]
    is_served: Callable[[str], bool]
    by: str = "sweeper"
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    found: Sweep = field(default_factory=Sweep)

    def sweep(self, providers: Collection[ProviderName] = ()) -> Sweep:
        """Look at all records and at the lists of all providers that they or the caller name."""
        records = list_machines(self.store)
        alive = [machine for machine in records.machines if machine.is_open]
        self.found.problems += [
            f"machine {name}: its record cannot be read, and it may cost: {why}"
            for name, why in records.unreadable.items()
        ]
        for name in sorted({machine.terms.provider for machine in alive} | set(providers)):
            own = [machine for machine in alive if machine.terms.provider == name]
            try:
                listed = self.provider_of(name).status()
            except ProviderError as error:
                self.found.problems += [_not_answered(name, own, error)]
                continue
            for machine in own:
                self._look_safely(machine, listed)
            looked_at = {machine.name for machine in own}
            self._stop_strays(name, {each: what for each, what in listed.items() if each not in looked_at})
        return self.found

    def _look_safely(self, machine: Machine, listed: dict[str, Listed]) -> None:
        """A machine that cannot be judged is a problem, and hides no other."""
        try:
            self._look(machine, listed)
        except Exception as error:  # whatever the server, the store or the provider answers
            log.debug("", exc_info=True)
            self.found.problems += [f"{describe(machine, self.now)} and may still run: {error}"]

    def _look(self, machine: Machine, listed: dict[str, Listed]) -> None:
        provider, name = self.provider_of(machine.terms.provider), machine.name
        is_late = self.now >= machine.terms.ends_at
        if not (machine.find("started") or machine.is_stopping or self.now - machine.rented_at > STARTING):
            self.found.running += [f"{describe(machine, self.now)}, and is being started"]
        elif name not in listed and provider.has_ended(name, machine.provider_id):
            prove_orphans(self.store, machine)
            why = "its lease was over" if is_late else "it had ended by itself: its watchdog, or the provider, ended it"
            self._stopped(record_stopped(self.store, name, self.by, "stopped" if machine.is_stopping else why))
        elif machine.is_stopping:
            self._stopped(finish_stop(self.store, provider, name, self.by))
        elif is_late:
            # Also what a living parent is about to prove: its result is in the store, and not lost.
            prove_orphans(self.store, machine, of_the_living=True)
            self._stopped(end_lease(self.store, provider, name, self.by, "its lease is over"))
        else:
            self._give_back_or_report(machine, provider)

    def _give_back_or_report(self, machine: Machine, provider: Provider) -> None:
        is_quiet = self.now - machine.events[-1].at >= timedelta(minutes=machine.terms.idle_minutes)
        if is_quiet and self.is_idle(machine.terms.pool):
            prove_orphans(self.store, machine)
            try:
                machine = give_back(
                    self.store, provider, machine.name, self.by, lambda: self.is_idle(machine.terms.pool)
                )
                self._stopped(machine)
                return
            except StillNeeded as error:
                self.found.running += [str(error)]
        if is_quiet and machine.find("started") and not self.is_served(machine.terms.pool):
            self.found.problems += [
                f"{describe(machine, self.now)}: no worker of pool {machine.terms.pool} answers. It is kept, for its "
                f"results are not proved, until {clock(machine.terms.ends_at)}; `hindsight rent stop {machine.name} "
                "--why REASON` gives them up."
            ]
        else:
            self.found.running += [describe(machine, self.now)]

    def _stop_strays(self, provider: ProviderName, listed: dict[str, Listed]) -> None:
        """Machines of this store's that have no record, or one that says that they have stopped."""
        for name in sorted(name for name in listed if name.startswith(prefix_of(self.store))):
            try:
                if (why := self._why_stray(name, listed[name])) is not None:
                    self.provider_of(provider).stop(name)
                    self.found.stopped += [f"machine {name} of {provider}: stopped, {why}"]
            except RentError as error:
                self.found.problems += [f"machine {name} of {provider} has no open record and runs: {error}"]

    def _why_stray(self, name: str, listed: Listed) -> str | None:
        """Why a listed machine is to stop; None if its record is open, or cannot be read and was named already.

        Raises:
            RentError: If it has no record and may be too young to have one.
        """
        try:
            return None if read_machine(self.store, name).is_open else "for its record says that it has stopped"
        except DamagedRecord:
            return None
        except UnknownMachine as error:
            if listed.since is not None and self.now - listed.since > STARTING:
                return f"for it has run without a record since {clock(listed.since)}"
            raise StillNeeded(f"{error} It is stopped when it is older than {STARTING}.") from error

    def _stopped(self, machine: Machine) -> None:
        self.found.stopped += [describe(machine, self.now)]


def describe(machine: Machine, now: datetime) -> str:
    """A machine in one sentence: what it is, what it has cost, what was lost on it."""
    terms = machine.terms
    state = "running" if machine.is_open else "stopped"
    if machine.is_open and machine.is_stopping:
        state = "stopping"
    lost = f"; LOST, without a receipt: {', '.join(machine.lost)}" if machine.lost else ""
    return (
        f"machine {machine.name} of {terms.provider} for pool {terms.pool} ({terms.offer}) is {state}, rented "
        f"{clock(machine.rented_at)}, ${machine.dollars(now):,.2f} so far, lease until {clock(terms.ends_at)}{lost}"
    )


def _not_answered(name: str, machines: Collection[Machine], error: ProviderError) -> str:
    named = ", ".join(machine.name for machine in machines) or "none"
    return f"{name} gives no complete answer, so that nothing is known of its machines ({named} may run): {error}"
