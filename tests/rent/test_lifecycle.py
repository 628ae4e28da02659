"""What a machine's record allows: no stop without receipts, no lease where it stops, nothing left by a failed start."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.rent import lifecycle
from tasks.rent.config import RentedPool
from tasks.rent.errors import DamagedRecord, NoOffer, NotStopped, ProviderError, RentError, StillNeeded, Stopping
from tasks.rent.lifecycle import end_lease, ends_too_early, give_back, lease, make_way, rent
from tasks.rent.machines import Event, Machine, Terms, list_machines, open_record, read_machine
from tasks.rent.order import check_lease, check_reachable
from tasks.rent.providers.local import Local, members_of
from tasks.rent.providers.provider import Listed, Offer, Order
from tasks.store.receipts import verify
from tasks.store.store import Store, open_store
from tests.s3_server import serve_moto
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published

FIRST, SECOND = ARTIFACT_TYPE.spec(SmallConfig()), ARTIFACT_TYPE.spec(SmallConfig(size=4))


def rented(store: Store, pool: RentedPool) -> str:
    return rent(store, Local(), pool, by="ada", why="a test").name


def returned(store: Store, name: str, is_idle: bool = True) -> Machine:
    return give_back(store, Local(), name, "ada", lambda: is_idle)


def test_a_machine_goes_when_every_result_on_it_is_proved_and_not_before(
    store: Store, folder: Path, pool: RentedPool
) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    lease(store, name, SECOND.path, "grace")
    with pytest.raises(StillNeeded, match=r"stays, at \$0.00 an hour until .*2 of 2 results on it are not proved"):
        returned(store, name)
    verify(published(store, folder, FIRST))
    with pytest.raises(StillNeeded, match=f"1 of 2 results on it are not proved: {SECOND.path} has no receipt since"):
        returned(store, name)
    verify(published(store, folder, SECOND))
    with pytest.raises(StillNeeded, match="its pool h100 has runs"):
        returned(store, name, is_idle=False)
    assert name in Local().status()
    ended = returned(store, name)
    assert name not in Local().status()
    stop = ended.find("stop")
    assert stop is not None
    assert [each.split("/")[1:4] for each in stop.receipts] == [each.path.split("/") for each in (FIRST, SECOND)]
    assert (ended.lost, returned(store, name)) == ((), ended)


def test_a_receipt_for_other_bytes_stops_nothing(store: Store, folder: Path, pool: RentedPool) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    verify(published(store, folder, FIRST))
    store.objects.delete(f"{FIRST.path}/record.json")
    (folder / "a.txt").write_text("omega")
    published(store, folder, FIRST)
    with pytest.raises(StillNeeded, match="it was rebuilt since; verify it again"):
        returned(store, name)
    assert name in Local().status()


def test_a_receipt_from_before_the_lease_proves_nothing_of_what_is_rebuilt(
    store: Store, folder: Path, pool: RentedPool
) -> None:
    verify(published(store, folder, FIRST))
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    with pytest.raises(StillNeeded, match="has no receipt since its lease"):
        returned(store, name)


def test_a_machine_that_stops_takes_no_lease_and_the_next_need_rents_another(store: Store, pool: RentedPool) -> None:
    name = rented(store, pool)
    assert rented(store, pool) == name
    returned(store, name)
    with pytest.raises(Stopping, match="cannot be made there; rent another one"):
        lease(store, name, FIRST.path, "ada")
    other = rented(store, pool)
    assert other.rpartition("-")[2] == "2"
    assert set(Local().status()) >= {other}


def test_what_a_person_stops_without_a_receipt_is_named_as_lost(store: Store, pool: RentedPool) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    ended = end_lease(store, Local(), name, "ada", "its training diverges")
    assert ended.lost == (FIRST.path,)
    assert name not in Local().status()


class Broken(Local):
    """Starts the machine, and fails all the same."""

    def start(self, order: Order) -> None:
        super().start(order)
        raise ProviderError("sky failed: quota")


def test_a_start_that_fails_is_one_sentence_and_leaves_nothing_running(store: Store, pool: RentedPool) -> None:
    with pytest.raises(ProviderError, match="sky failed: quota"):
        rent(store, Broken(), pool, by="ada", why="a test")
    (machine,) = list_machines(store).machines
    assert (machine.is_open, machine.lost, machine.name in Local().status()) == (False, (), False)


class Stubborn(Local):
    """Lists its machine for ever."""

    def status(self) -> dict[str, Listed]:
        return {name: Listed("stopping") for name in (each.name for each in list_machines(open_store()).machines)}


def test_a_stop_that_is_not_confirmed_is_not_recorded(
    store: Store, pool: RentedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = rented(store, pool)
    monkeypatch.setattr(lifecycle, "CONFIRM_SECONDS", 0.1)
    with pytest.raises(NotStopped, match=rf"machine {name} was told to stop, and local still lists it after 0.1 s"):
        give_back(store, Stubborn(), name, "ada", lambda: True)
    assert read_machine(store, name).is_stopping
    assert read_machine(store, name).is_open
    with pytest.raises(NotStopped):
        rent(store, Stubborn(), pool, by="ada", why="a test")
    assert not returned(store, name).is_open


class Market(Local):
    """Offers of which each can be gone."""

    def __init__(self, *offers: Offer) -> None:
        super().__init__()
        self.listed = list(offers)

    def offers(self, pool: RentedPool) -> list[Offer]:
        return self.listed


def test_an_offer_that_vanished_or_became_too_dear_rents_nothing(store: Store, pool: RentedPool) -> None:
    with pytest.raises(NoOffer, match="local offers no two-cores now; nothing was rented for pool h100"):
        rent(store, Market(), pool, by="ada", why="a test")
    dear = Market(Offer("H100:1", 3.5, "vast"), Offer("H100:1", 2.5, "aws"))
    with pytest.raises(NoOffer, match=r"the cheapest of 2 offers for pool h100 is H100:1 in aws: \$2.50 an hour; max"):
        rent(store, dear, pool, by="ada", why="a test")
    with pytest.raises(NoOffer):
        rent(store, Market(Offer("H100:1", float("nan"))), pool, by="ada", why="a test")
    assert list_machines(store).machines == ()


def test_a_store_that_cannot_tell_who_was_first_rents_nothing(s3_store: str, pool: RentedPool) -> None:
    with pytest.raises(RentError, match=r"If-None-Match is not enforced.*nothing was rented"):
        rented(open_store(), pool)


def test_a_bill_is_hours_times_the_price_and_starts_with_the_record(store: Store) -> None:
    now = datetime.now(UTC)
    terms = Terms(provider="vessl", pool="h100", offer="a", dollars_per_hour=2.5, ends_at=now, idle_minutes=1)
    machine = open_record(store, list_machines(store), terms, "ada", "a test")
    assert machine is not None
    in_four_hours = machine.rented_at + timedelta(hours=4)
    assert machine.dollars(in_four_hours) == pytest.approx(10.0)
    assert machine.dollars(in_four_hours, since=machine.rented_at + timedelta(hours=3)) == pytest.approx(2.5)


def test_an_event_from_before_there_were_provider_ids_keeps_its_seal() -> None:
    fields = {"machine": "hs-1", "number": 2, "previous": None, "action": "started", "by": "ada", "why": "a test"}
    event = Event.model_validate(fields | {"at": datetime(2026, 5, 1, tzinfo=UTC)})
    assert event.content_digest == "d77f2bc6f91b5bad6cf92497498071dbebc9777ee476631795007aff5c2f7dfb"
    assert event.model_copy(update={"provider_id": "job-1"}).content_digest != event.content_digest


@pytest.mark.parametrize("harm", ["cut", "remove"])
def test_a_damaged_record_is_named_and_hides_no_other(store: Store, pool: RentedPool, harm: str) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    if harm == "cut":
        store.objects.write(f"machines/{name}/000002.json", b"{")
    else:
        store.objects.delete(f"machines/{name}/000002.json")
    with pytest.raises(DamagedRecord, match=rf"machines/{name}/00000\d.json"):
        read_machine(store, name)
    other = rented(store, pool)
    found = list_machines(store)
    assert ([machine.name for machine in found.machines], list(found.unreadable)) == ([other], [name])


def test_a_machine_that_could_reach_neither_server_nor_store_is_not_rented(
    store: Store, pool: RentedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = pool.model_copy(update={"provider": "vessl"})
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    with pytest.raises(RentError, match=r"'http://127\.0\.0\.1:4200/api' names no server that a machine of vessl"):
        check_reachable(store, elsewhere)
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.example.org/api")
    with pytest.raises(RentError, match="is a folder of this machine, that a machine of vessl cannot write to"):
        check_reachable(store, elsewhere)
    check_reachable(store, pool)


def test_a_machine_that_ended_by_itself_is_replaced_when_it_is_needed(store: Store, pool: RentedPool) -> None:
    name = rented(store, pool)
    lease(store, name, FIRST.path, "ada")
    Local().stop(name)
    other = rented(store, pool)
    assert other != name
    assert read_machine(store, name).lost == (FIRST.path,)


def test_a_stage_that_may_outlast_the_lease_is_not_started_on_the_machine(
    store: Store, folder: Path, pool: RentedPool
) -> None:
    machine = rent(store, Local(), pool, by="ada", why="a test")
    lease(store, machine.name, FIRST.path, "ada")
    # An hour's lease.
    assert [ends_too_early(machine, hours) for hours in (0.0, 0.9, 1.0)] == [False, False, True]
    with pytest.raises(RentError, match=rf"may take 9 h, and the lease of machine {machine.name} ends at .*not proved"):
        make_way(store, Local(), machine, "ada", 9.0, lambda: True)
    assert machine.name in Local().status()
    verify(published(store, folder, FIRST))
    make_way(store, Local(), machine, "ada", 9.0, lambda: True)
    assert machine.name not in Local().status()
    check_lease(pool, 1.0, SECOND.path)
    for hours in (1.1, float("nan")):
        with pytest.raises(RentError, match="machines of pool h100 end after lease_hours, 1; nothing was rented"):
            check_lease(pool, hours, SECOND.path)


def test_two_renters_at_once_get_one_machine(store: Store, pool: RentedPool) -> None:
    with ThreadPoolExecutor(4) as renters:
        found = list(renters.map(lambda by: rent(store, Local(), pool, by=by, why="a test"), "abcd"))
    assert len({machine.name for machine in found}) == 1
    assert len(list_machines(store).machines) == 1
    assert len(members_of(found[0].name)) == 1


def test_on_s3_a_machine_is_rented_proved_and_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path, pool: RentedPool
) -> None:
    with serve_moto(tmp_path / "moto") as server:
        for variable, value in server.environment().items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("HINDSIGHT_STORE", f"s3://{server.bucket}/rented")
        store = open_store()
        name = rented(store, pool)
        lease(store, name, FIRST.path, "ada")
        verify(published(store, folder, FIRST))
        assert not returned(store, name).is_open
        assert [event.action for event in read_machine(store, name).events][-2:] == ["stop", "stopped"]
