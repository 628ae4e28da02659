"""What is ordered for a pool: the cheapest offer that fits, and what its machine is started with."""

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from tasks.rent.config import RentedPool
from tasks.rent.errors import NoOffer, RentError
from tasks.rent.machines import Machine, Terms
from tasks.rent.providers.provider import Offer, Order, Provider
from tasks.store.store import Store


def cheapest_offer(provider: Provider, pool: RentedPool) -> Offer:
    """What would be rented for a pool now.

    Raises:
        NoOffer: If nothing fits, or all of it is dearer than the pool's bound.
        ProviderError: If the provider gives no complete answer.
    """
    offers = provider.offers(pool)
    if not offers:
        raise NoOffer(
            f"{pool.provider} offers no {pool.offer}{f' in {pool.where}' if pool.where else ''} now; nothing was "
            f"rented for pool {pool.pool}. Wait, or change its `offer` or `where` in configs/rent.yaml."
        )
    best = min(offers, key=lambda offer: offer.dollars_per_hour)
    if not best.dollars_per_hour <= pool.max_dollars_per_hour:
        raise NoOffer(
            f"the cheapest of {len(offers)} offers for pool {pool.pool} is {best}; max_dollars_per_hour is "
            f"${pool.max_dollars_per_hour:,.2f}. Nothing was rented; raise it in configs/rent.yaml, or wait."
        )
    return best


def check_lease(pool: RentedPool, planned_hours: float, what: str) -> None:
    """Check that a new machine's lease is longer than what is planned on it: it ends with it, whatever runs then.

    Raises:
        RentError: If it is not.
    """
    if not planned_hours <= pool.lease_hours:
        raise RentError(
            f"{what} may take {planned_hours:.3g} h, and machines of pool {pool.pool} end after lease_hours, "
            f"{pool.lease_hours:g}; nothing was rented. Raise lease_hours in configs/rent.yaml: receipts end a machine "
            "earlier."
        )


def check_reachable(store: Store, pool: RentedPool) -> None:
    """Check that a machine elsewhere could reach what its worker needs, before it costs.

    Raises:
        RentError: If server or store are this machine's alone.
    """
    if pool.provider == "local":
        return
    api = os.environ.get("PREFECT_API_URL", "")
    if (urlsplit(api).hostname or "localhost") in ("localhost", "127.0.0.1", "::1", "0.0.0.0"):  # noqa: S104 (compared)
        raise RentError(
            f"PREFECT_API_URL={api!r} names no server that a machine of {pool.provider} could reach, so none is rented "
            f"for pool {pool.pool}; set it to the server's address in the network (docs/server.md)."
        )
    if "://" not in store.url:
        raise RentError(
            f"the store {store.url} is a folder of this machine, that a machine of {pool.provider} cannot write to: "
            f"none is rented for pool {pool.pool}; set HINDSIGHT_STORE to a bucket."
        )


def command_of(pool: RentedPool, machine: Machine) -> list[str]:
    """What a machine runs: its worker and the watchdog, which is itself ended by coreutils' timeout if it hangs."""
    terms = machine.terms
    seconds = max((terms.ends_at - datetime.now(UTC)).total_seconds(), 1.0)
    python = sys.executable if terms.provider == "local" else pool.python
    return [
        *("timeout", "--kill-after=60", f"{seconds + 60:.0f}"),
        *(python, "-m", "deployments.rent.machine", machine.name, terms.pool),
        *(f"{terms.ends_at:%Y-%m-%dT%H:%M:%S%z}", f"{seconds:.0f}", f"{terms.idle_minutes:g}"),
    ]


def order_of(pool: RentedPool, machine: Machine, offer: Offer) -> Order:
    """What the provider is asked for. Variables that are not set here are left out."""
    return Order(
        name=machine.name,
        pool=pool,
        offer=offer,
        command=command_of(pool, machine),
        environment={name: os.environ[name] for name in pool.environment if os.environ.get(name)},
        secrets={name: os.environ[name] for name in pool.secrets if os.environ.get(name)},
    )


def trial_order(pool: RentedPool, offer: Offer) -> Order:
    """An order that nobody places: what a dry run shows. No variable's value is in it."""
    now = datetime.now(UTC)
    terms = Terms(
        provider=pool.provider,
        pool=pool.pool,
        offer=str(offer),
        dollars_per_hour=offer.dollars_per_hour,
        ends_at=now + timedelta(hours=pool.lease_hours),
        idle_minutes=pool.idle_minutes,
    )
    order = order_of(pool, Machine(f"hs-trial-{pool.pool}", terms, ()), offer)
    return replace(order, environment=dict.fromkeys(order.environment, "..."))
