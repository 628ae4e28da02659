"""What ran on a rented machine is charged at the price of its offer, whatever configs/prices.yaml says."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.costs.prices import BadPrices, load_prices
from tasks.costs.usage import MachineStay, Meter
from tasks.rent.config import RentedPool
from tasks.rent.lifecycle import end_lease, rent
from tasks.rent.prices import prices_with_rentals
from tasks.rent.providers.local import Local
from tasks.rent.providers.provider import Offer
from tasks.store.errors import StoreError
from tasks.store.store import Store

LISTED = 2.39
"""configs/prices.yaml's dollars of an hour of the pool h100."""


class Market(Local):
    """Process trees that cost something."""

    def offers(self, pool: RentedPool) -> list[Offer]:
        return [Offer(pool.offer, 1.5)]


@pytest.fixture
def priced(pool: RentedPool) -> RentedPool:
    return pool.model_copy(update={"max_dollars_per_hour": 2.0})


def test_a_record_has_the_price_of_the_machine_it_was_made_on(
    store: Store, priced: RentedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDSIGHT_POOL", "h100")
    before = datetime.now(UTC) - timedelta(hours=1)
    machine = rent(store, Market(), priced, by="ada", why="a test")
    failed = [
        MachineStay("h100", 0.0, began, began + timedelta(hours=2), "failed")
        for began in (before, machine.events[-1].at)
    ]
    spent = Meter(failed=failed, read_prices=lambda: prices_with_rentals(store)).read()
    assert (spent.provider, spent.dollars_per_hour, spent.as_of) == ("local", 1.5, machine.rented_at.date())
    # Two hours before the machine was rented and two on it.
    assert spent.failed is not None
    assert spent.failed.dollars == pytest.approx(2 * LISTED + 2 * 1.5)
    end_lease(store, Market(), machine.name, "ada", "a test")
    assert Meter(read_prices=lambda: prices_with_rentals(store)).read().dollars_per_hour == LISTED


def test_only_the_machines_own_pool_and_time_have_its_price(store: Store, priced: RentedPool) -> None:
    machine = end_lease(store, Market(), rent(store, Market(), priced, by="ada", why="a test").name, "ada", "a test")
    prices = prices_with_rentals(store)
    began, ended = machine.rented_at, machine.events[-1].at
    moments = [began - timedelta(seconds=1), began, ended, ended + timedelta(seconds=1), None]
    found = [prices.find("h100", moment) for moment in moments]
    assert [price and price.dollars_per_hour for price in found] == [LISTED, 1.5, 1.5, LISTED, LISTED]
    assert prices.find("h100x8", began) == load_prices().find("h100x8")
    # What a rented pool's next hour costs does not change what its earlier ones did.
    assert prices.with_rent("h100", 9.0, "a dearer offer").find("h100", began) == found[1]


def test_only_machines_of_the_pools_in_question_are_read(
    store: Store, priced: RentedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = rent(store, Market(), priced, by="ada", why="a test").events[-1].at
    found = [prices_with_rentals(store, pools).find("h100", now) for pools in ({"h100"}, {"cpu", None}, {"h100x8"})]
    assert [price and price.dollars_per_hour for price in found] == [1.5, LISTED, LISTED]


def test_a_store_that_cannot_say_what_was_rented_leaves_dollars_unknown_and_ends_no_work(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(store: Store, pools: object) -> None:
        raise StoreError("no route to host")

    monkeypatch.setenv("HINDSIGHT_POOL", "h100")
    monkeypatch.setattr("tasks.rent.prices.list_machines", away)
    with pytest.raises(BadPrices, match="cannot say which machines were rented"):
        prices_with_rentals(store)
    spent = Meter(read_prices=lambda: prices_with_rentals(store)).read()
    assert (spent.dollars, "no route to host" in spent.unknown) == (None, True)
