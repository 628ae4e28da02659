"""The life of a rented machine: rented, leased, given back once its results are proved, ended at its lease's end.

Every function can be repeated after its process was killed anywhere in it: the record says what was decided, and the
provider's operations are safe to repeat.
"""

import logging
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tasks.costs.prices import load_prices
from tasks.rent.config import RentedPool
from tasks.rent.errors import NoOffer, NotStopped, ProviderError, RentError, StillNeeded, Stopping
from tasks.rent.machines import Machine, Terms, append, list_machines, open_record, read_machine
from tasks.rent.order import cheapest_offer, order_of
from tasks.rent.proof import receipts_of, unproved
from tasks.rent.providers.provider import Offer, Provider
from tasks.store.leases import clock
from tasks.store.receipts import Receipt
from tasks.store.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")

CONFIRM_SECONDS = 120.0
"""How long a provider may still list a machine after it was told to stop it; then the sweeper asks again."""
POLL_SECONDS = 1.0
STARTING = timedelta(hours=1)
"""A machine comes up within this time. Its renter is dead if it has not, and the next one starts it."""


def rent(
    store: Store, provider: Provider, pool: RentedPool, *, by: str, why: str, run: str = "", tags: Collection[str] = ()
) -> Machine:
    """The machine that serves a pool: the one there is, or a new one.

    Args:
        store: Holds the records.
        provider: The pool's.
        pool: What is rented.
        by: Who.
        why: One sentence.
        run: The flow run that needs it.
        tags: Of that run: who pays.

    Raises:
        NoOffer: If nothing fits.
        NotStopped: If the pool's last machine is stopping and the provider does not confirm it.
        ProviderError: If the machine could not be started. It was told to stop, and the record says whether it did.
    """
    while True:
        known = list_machines(store)
        for machine in known.open_of(pool.pool):
            if machine.is_stopping:
                # Its worker could take the run that is sent next.
                finish_stop(store, provider, machine.name, by)
            elif not machine.find("started"):
                if (ready := _start_or_wait(store, provider, pool, machine, by)) is not None:
                    return ready
            elif provider.has_ended(machine.name, machine.provider_id):
                record_stopped(store, machine.name, by, "it had ended by itself, as the provider says")
            else:
                return machine
        offer = cheapest_offer(provider, pool)
        ends_at = datetime.now(UTC) + timedelta(hours=pool.lease_hours)
        terms = Terms(
            provider=pool.provider,
            pool=pool.pool,
            offer=str(offer),
            dollars_per_hour=offer.dollars_per_hour,
            ends_at=ends_at,
            idle_minutes=pool.idle_minutes,
            tags=tuple(tags),
            run=run,
        )
        if new := open_record(store, known, terms, by, f"{offer}, until {clock(ends_at)}; {why}"):
            _log_price(new)
            return _start(store, provider, pool, new, by, offer)


def ends_too_early(machine: Machine, planned_hours: float) -> bool:
    """Whether a machine's lease may end before a stage does that is due now."""
    return machine.terms.ends_at - datetime.now(UTC) < timedelta(hours=planned_hours)


def make_way(
    store: Store, provider: Provider, machine: Machine, by: str, planned_hours: float, is_idle: Callable[[], bool]
) -> None:
    """Give a machine back whose lease is too short for the next stage, so that a new one can be rented.

    Raises:
        RentError: If it is still needed. The stage has not started.
    """
    try:
        give_back(store, provider, machine.name, by, is_idle)
    except StillNeeded as error:
        raise RentError(
            f"the next stage may take {planned_hours:.3g} h, and the lease of machine {machine.name} ends at "
            f"{clock(machine.terms.ends_at)}; it was not started there, for it would be lost. Retry when the machine "
            f"has been given back. {error}"
        ) from error


def lease(store: Store, name: str, artifact: str, by: str) -> None:
    """Record that a machine owes an artifact, before the run that makes it is sent.

    Raises:
        Stopping: If it was decided meanwhile that the machine stops: rent another one.
    """

    def decide(machine: Machine) -> dict[str, object] | None:
        if machine.is_stopping:
            raise Stopping(f"machine {name} stops, so that {artifact} cannot be made there; rent another one.")
        if artifact in machine.owed and isinstance(receipts_of(store, machine)[artifact], str):
            return None
        return {"why": f"{artifact} is made there", "artifact": artifact}

    append(store, name, "lease", by=by, decide=decide)


def give_back(store: Store, provider: Provider, name: str, by: str, is_idle: Callable[[], bool]) -> Machine:
    """Stop a machine whose results are all proved, if nothing runs or waits in its pool.

    Args:
        store: Holds record and receipts.
        provider: The machine's.
        name: The machine.
        by: Who.
        is_idle: Whether its pool is; asked before the receipts are looked at.

    Raises:
        StillNeeded: If a result is not proved, or the pool is not idle. Nothing was stopped.
        NotStopped: If the provider does not confirm the stop; the sweeper goes on with it.
        ProviderError: If the provider gives no complete answer; the same.
    """

    def decide(machine: Machine) -> dict[str, object] | None:
        if machine.is_stopping:
            return None
        if not is_idle():
            raise StillNeeded(f"machine {name} stays: its pool {machine.terms.pool} has runs.")
        return proved_or_refused(store, machine)

    append(store, name, "stop", by=by, decide=decide)
    return finish_stop(store, provider, name, by)


def proved_or_refused(store: Store, machine: Machine) -> dict[str, object]:
    """The fields of a stop that receipts allow.

    Raises:
        StillNeeded: With the first result that is not proved, and why.
    """
    proofs = receipts_of(store, machine)
    if missing := unproved(proofs):
        raise StillNeeded(
            f"machine {machine.name} stays, at ${machine.terms.dollars_per_hour:,.2f} an hour until "
            f"{clock(machine.terms.ends_at)}: {len(missing)} of {len(proofs)} results on it are not proved: "
            f"{next(iter(missing.values()))}"
        )
    names = tuple(receipt.name for receipt in proofs.values() if isinstance(receipt, Receipt))
    return {"why": f"{len(names)} of {len(proofs)} results are proved, and the pool is idle", "receipts": names}


def end_lease(store: Store, provider: Provider, name: str, by: str, why: str) -> Machine:
    """Stop a machine without asking whether its results are proved: its lease is over, or a person wants it.

    What is not proved then is recorded as lost.

    Raises:
        NotStopped: If the provider does not confirm the stop.
        ProviderError: If the provider gives no complete answer.
    """

    def decide(machine: Machine) -> dict[str, object] | None:
        if machine.is_stopping:
            return None
        return {"why": why, "lost": tuple(unproved(receipts_of(store, machine)))}

    append(store, name, "stop", by=by, decide=decide)
    return finish_stop(store, provider, name, by)


def finish_stop(store: Store, provider: Provider, name: str, by: str) -> Machine:
    """Tell the provider to stop a machine, and record that it has only when the provider says so.

    Raises:
        NotStopped: If it does not say so within CONFIRM_SECONDS.
        ProviderError: If it gives no complete answer.
    """
    machine = read_machine(store, name)
    provider.stop(name, machine.provider_id)
    if not _comes_true(lambda: provider.has_ended(name, machine.provider_id)):
        terms = machine.terms
        raise NotStopped(
            f"machine {name} was told to stop, and {terms.provider} still lists it after {CONFIRM_SECONDS:g} s; it may "
            f"cost ${terms.dollars_per_hour:,.2f} an hour. Look at the provider's page; the next sweep asks again."
        )
    return record_stopped(store, name, by, "the provider says that it has ended")


def record_stopped(store: Store, name: str, by: str, why: str) -> Machine:
    """Record that a machine has ended, and what it is ended without."""

    def decide(machine: Machine) -> dict[str, object] | None:
        if not machine.is_open:
            return None
        stop = machine.find("stop")
        lost = stop.lost if stop else tuple(unproved(receipts_of(store, machine)))
        return {"why": why, "lost": lost}

    return append(store, name, "stopped", by=by, decide=decide)


def _start_or_wait(store: Store, provider: Provider, pool: RentedPool, machine: Machine, by: str) -> Machine | None:
    """The machine once it is started: by its renter, or by this process if that is the renter, or has died.

    Returns:
        None if it stopped instead.
    """
    while machine.events[0].by != by and datetime.now(UTC) - machine.rented_at < STARTING:
        log.info("machine %s is being started by %s", machine.name, machine.events[0].by)
        time.sleep(POLL_SECONDS * 10)
        machine = read_machine(store, machine.name)
        if machine.is_stopping or machine.find("started"):
            return None if machine.is_stopping else machine
    return _start(store, provider, pool, machine, by)


def _start(
    store: Store, provider: Provider, pool: RentedPool, machine: Machine, by: str, offer: Offer | None = None
) -> Machine:
    try:
        provider.start(order_of(pool, machine, offer or cheapest_offer(provider, pool)))
        if (listed := _comes_true(lambda: provider.status().get(machine.name))) is None:
            raise ProviderError(f"{pool.provider} does not list it {CONFIRM_SECONDS:g} s after its start.")
    except (ProviderError, NoOffer) as error:
        # A start that failed may have left something that costs.
        try:
            end_lease(store, provider, machine.name, by, f"it could not be started: {error}")
        except RentError as second:
            raise ProviderError(
                f"machine {machine.name} could not be started ({error}) and may run all the same: {second} The sweeper "
                "asks again; look at the provider's page."
            ) from error
        raise
    return append(
        store,
        machine.name,
        "started",
        by=by,
        decide=lambda now: (
            None
            if now.find("started") or not now.is_open
            else {"why": "the provider has started it", "provider_id": listed.id}
        ),
    )


def _comes_true(question: Callable[[], T]) -> T:
    """Ask until the answer is true, for CONFIRM_SECONDS at most. Returns the last answer."""
    deadline = time.monotonic() + CONFIRM_SECONDS
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return answer


def _log_price(machine: Machine) -> None:
    terms = machine.terms
    listed = load_prices().find(terms.pool)
    beside = f" (configs/prices.yaml: ${listed.dollars_per_hour:,.2f})" if listed else ""
    log.info(
        "pool %s: renting machine %s of %s: %s%s, at most until %s, then $%.2f",
        *(terms.pool, machine.name, terms.provider, terms.offer, beside, clock(terms.ends_at)),
        machine.dollars(terms.ends_at),
    )
