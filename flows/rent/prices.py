"""What a pool's hour costs where its machine is rented: the open machine's offer, or the cheapest one now."""

import logging

from tasks.costs.prices import Prices
from tasks.rent.config import load_rent
from tasks.rent.errors import RentError
from tasks.rent.machines import list_machines
from tasks.rent.order import cheapest_offer
from tasks.rent.prices import prices_with_rentals
from tasks.rent.providers.choose import provider_of
from tasks.store.store import Store

log = logging.getLogger(__name__)


def rented_prices(store: Store, pool: str) -> Prices:
    """The price list, in which a pool has the price of its rented machine in place of the current provider's.

    Args:
        store: Holds the records of machines.
        pool: Unless its machines are rented, the list stays as it is.

    Raises:
        BadRent: If configs/rent.yaml is not valid.
        BadPrices: If configs/prices.yaml is not, or the store cannot say what was rented.
    """
    prices = prices_with_rentals(store)
    if (rented := load_rent().find(pool)) is None:
        return prices
    if machine := next((each for each in list_machines(store).open_of(pool) if not each.is_stopping), None):
        return prices.with_rent(pool, machine.terms.dollars_per_hour, f"rented machine {machine.name}")
    try:
        offer = cheapest_offer(provider_of(rented.provider), rented)
    except RentError as error:
        # The stage may need none, for its artifact may exist; if it does, renting says the same once more.
        log.warning("%s", error)
        return prices.with_rent(pool, rented.max_dollars_per_hour, "max_dollars_per_hour of configs/rent.yaml")
    return prices.with_rent(pool, offer.dollars_per_hour, f"{rented.provider}: {offer}")
