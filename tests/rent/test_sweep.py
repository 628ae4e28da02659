"""What a sweep stops, what it leaves, and what it names until somebody looks."""

from datetime import timedelta
from pathlib import Path

import pytest

from tasks.rent import lifecycle, proof
from tasks.rent.config import ProviderName, RentedPool
from tasks.rent.errors import ProviderError
from tasks.rent.lifecycle import end_lease, lease, rent
from tasks.rent.machines import list_machines, prefix_of, read_machine
from tasks.rent.providers.local import Local
from tasks.rent.providers.provider import Listed, Order, Provider
from tasks.rent.sweep import MachinesLeft, Sweep, Sweeper
from tasks.store.receipts import verify
from tasks.store.store import Store
from tests.rent.test_lifecycle import FIRST, rented
from tests.store.small_artifact import published

SOON, LATE = timedelta(minutes=11), timedelta(hours=2)


class Away(Local):
    """Signed out."""

    def status(self) -> dict[str, Listed]:
        raise ProviderError("`sky status` failed: not signed in.")


def sweep(
    store: Store, after: timedelta, *, provider: type[Local] = Local, is_idle: bool = True, is_served: bool = True
) -> Sweep:
    def provider_of(name: ProviderName) -> Provider:
        return provider()

    machines = list_machines(store).machines
    start = max((machine.events[-1].at for machine in machines), default=None)
    sweeper = Sweeper(store, provider_of, lambda pool: is_idle, lambda pool: is_served)
    sweeper.now = (start or sweeper.now) + after
    return sweeper.sweep(["local"])


def test_a_machine_at_work_within_its_lease_is_left_alone(store: Store, pool: RentedPool) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    found = sweep(store, SOON, is_idle=False)
    assert (found.stopped, found.problems, len(found.running)) == ([], [], 1)
    assert name in Local().status()


def test_past_its_lease_a_machine_is_stopped_and_what_is_not_proved_is_named(store: Store, pool: RentedPool) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    found = sweep(store, LATE, is_idle=False)
    assert name not in Local().status()
    (sentence,) = found.stopped
    assert sentence.endswith(f"; LOST, without a receipt: {FIRST.path}")


def test_a_dead_parents_result_is_proved_by_the_sweep_before_its_machine_goes(
    store: Store, folder: Path, pool: RentedPool
) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    published(store, folder, FIRST)
    sweep(store, SOON)
    assert name not in Local().status()
    stop = read_machine(store, name).find("stop")
    assert stop is not None
    assert stop.receipts[0].startswith(f"receipts/{FIRST.path}/")


def test_what_is_older_than_its_lease_is_not_taken_for_what_was_to_be_rebuilt(
    store: Store, folder: Path, pool: RentedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "CLOCKS_APART", timedelta())
    published(store, folder, FIRST)
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    assert sweep(store, SOON).stopped == []
    assert [FIRST.path in each for each in sweep(store, LATE).stopped] == [True]


def test_a_short_pause_between_two_stages_stops_nothing(store: Store, folder: Path, pool: RentedPool) -> None:
    name = rented(store, pool)
    verify(published(store, folder, FIRST))
    assert sweep(store, timedelta(minutes=5)).stopped == []
    assert name in Local().status()


def test_a_provider_that_does_not_answer_ends_nothing_and_its_machines_are_named(
    store: Store, pool: RentedPool
) -> None:
    name = rented(store, pool)
    found = sweep(store, LATE, provider=Away)
    assert read_machine(store, name).is_open
    with pytest.raises(MachinesLeft, match=rf"known of its machines \({name} may run\): `sky status` failed"):
        found.check()


def test_a_machine_that_answers_no_more_is_named_until_it_is_stopped(store: Store, pool: RentedPool) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    for _ in range(2):
        (problem,) = sweep(store, SOON, is_served=False).problems
        assert "no worker of pool h100 answers. It is kept, for its results are not proved, until" in problem
    assert sweep(store, LATE, is_served=False).problems == []
    assert name not in Local().status()
    assert sweep(store, LATE).stopped == []


def test_a_machine_that_ended_by_itself_is_recorded_with_what_was_lost(store: Store, pool: RentedPool) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    Local().stop(name)
    found = sweep(store, SOON, is_idle=False)
    assert [FIRST.path in each for each in found.stopped] == [True]
    assert read_machine(store, name).lost == (FIRST.path,)


def test_a_server_that_does_not_answer_is_no_idle_pool(store: Store, pool: RentedPool) -> None:
    def away(pool: str) -> bool:
        raise ConnectionError("no server")

    name = rented(store, pool)
    sweeper = Sweeper(store, lambda _: Local(), away, lambda _: True)
    sweeper.now += SOON
    found = sweeper.sweep(["local"])
    assert [name in each and "no server" in each for each in found.problems] == [True]
    assert name in Local().status()


def test_a_stray_of_this_store_is_stopped_when_it_is_old_and_no_other_machine_is(
    store: Store, pool: RentedPool, tmp_path: Path
) -> None:
    stray, foreign = f"{prefix_of(store)}h100-9", "hs-000000-h100-9"
    offer = Local().offers(pool)[0]
    for name in (stray, foreign):
        Local().start(Order(name, pool, offer, ["sleep", "600"]))
    try:
        (problem,) = sweep(store, timedelta()).problems
        assert f"no record of machine {stray}" in problem
        assert [stray in each for each in sweep(store, LATE).stopped] == [True]
        assert stray not in Local().status()
        assert foreign in Local().status()
    finally:
        Local().stop(foreign)


def test_a_machine_that_comes_up_after_its_record_was_closed_is_stopped_at_once(store: Store, pool: RentedPool) -> None:
    name = rented(store, pool)
    end_lease(store, Local(), name, "ada", "given up")
    Local().start(Order(name, pool, Local().offers(pool)[0], ["sleep", "600"]))
    assert [name in each for each in sweep(store, timedelta()).stopped] == [True]
    assert name not in Local().status()


def test_a_renter_that_dies_before_the_start_leaves_a_record_that_the_next_one_takes_up(
    store: Store, pool: RentedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dies(Local):
        def start(self, order: Order) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rent(store, Dies(), pool, by="ada", why="a test")
    (machine,) = list_machines(store).machines
    assert [each.endswith("is being started") for each in sweep(store, SOON).running] == [True]
    monkeypatch.setattr(lifecycle, "STARTING", timedelta())
    assert rent(store, Local(), pool, by="grace", why="a test").name == machine.name
    assert machine.name in Local().status()
