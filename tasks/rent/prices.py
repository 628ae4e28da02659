"""Prices with the rented machines: a stay on one costs what its offer did, whatever configs/prices.yaml says."""

from collections.abc import Collection

from tasks.common.errors import HindsightError
from tasks.costs.prices import BadPrices, Prices, Rental, load_prices
from tasks.rent.machines import Machine, list_machines
from tasks.store.store import Store


def prices_with_rentals(store: Store, pools: Collection[str | None] | None = None) -> Prices:
    """configs/prices.yaml, and the price of every machine that was ever rented for this store.

    Args:
        store: Holds the machines' records.
        pools: Only their machines are read.

    Raises:
        BadPrices: If the list cannot be read, or the store cannot say what was rented.
    """
    prices = load_prices()
    try:
        machines = list_machines(store, pools).machines
    except (HindsightError, OSError) as error:
        raise BadPrices(f"{store.url} cannot say which machines were rented, and so at which price: {error}") from error
    return prices.with_rentals(rental_of(machine) for machine in machines)


def rental_of(machine: Machine) -> Rental:
    """When a machine was rented, and its price."""
    stopped = machine.find("stopped")
    return Rental(
        pool=machine.terms.pool,
        provider=machine.terms.provider,
        machine=machine.name,
        dollars_per_hour=machine.terms.dollars_per_hour,
        began=machine.rented_at,
        ended=stopped.at if stopped else None,
    )
