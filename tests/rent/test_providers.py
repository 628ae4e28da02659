"""SkyPilot's and VESSL's command lines, spoken to through programs that answer as the real ones do.

SkyPilot's was looked at without an account (test_real_sky); VESSL's by its documentation and public recipes.

Neither was run against an account: nobody has paid for a machine here.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from hindsight.cli.main import main
from tasks.rent.config import RentedPool, load_rent
from tasks.rent.errors import BadRent, NoOffer, ProviderError
from tasks.rent.lifecycle import end_lease, rent
from tasks.rent.machines import list_machines, read_machine
from tasks.rent.providers.choose import provider_of
from tasks.rent.providers.provider import Provider
from tasks.rent.sweep import Sweeper
from tasks.store.store import Store

PROGRAMS = Path(__file__).with_name("programs")
IMAGE = "registry.example.org/hindsight-gpu:0.1.0"
SKY = RentedPool(
    pool="h100", provider="skypilot", offer="H100:1", image=IMAGE, max_dollars_per_hour=3, lease_hours=30
)  # fmt: skip
VESSL = SKY.model_copy(update={"provider": "vessl", "offer": "resourcespec-ch100x1"})
OFFERS: dict[str, list[dict[str, Any]]] = {
    "skypilot": [
        {"cloud": "AWS", "accelerator_count": 8.0, "price": 1.0, "region": "us-east-1"},
        {"cloud": "Lambda", "accelerator_count": 1.0, "price": 2.99, "region": "us-east-3"},
        {"cloud": "Vast", "accelerator_count": 1.0, "price": 2.1, "region": "France, FR, EU"},
        {"cloud": "Kubernetes", "accelerator_count": 1.0, "price": 0.0, "region": ""},
        {"cloud": "GCP", "accelerator_count": 1.0, "price": float("nan"), "region": "us-central1"},
        # Not signed in to this one.
        {"cloud": "Azure", "accelerator_count": 1.0, "price": 1.5, "region": "eastus"},
    ],
    "vessl": [
        {"slug": "resourcespec-ch100x1", "hourlyCostInMicrocredit": 2_390_000, "isUsable": True},
        {"slug": "resourcespec-ch100x8", "hourlyCostInMicrocredit": 19_120_000, "isUsable": True},
    ],
}
State = Callable[..., dict[str, Any]]


@pytest.fixture(params=[SKY, VESSL], ids=["skypilot", "vessl"])
def wanted(request: pytest.FixtureRequest) -> RentedPool:
    return request.param


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: RentedPool) -> State:
    """Reads what the program has noted, after writing what is given."""
    file = tmp_path / "fake.json"
    file.write_text(json.dumps({"calls": [], "machines": {}, "offers": OFFERS[wanted.provider]}))
    monkeypatch.setenv("FAKE_STATE", str(file))
    monkeypatch.setenv("PATH", f"{PROGRAMS}:{os.environ['PATH']}")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))

    def change(**fields: Any) -> dict[str, Any]:
        found = json.loads(file.read_text()) | fields
        file.write_text(json.dumps(found))
        return found

    return change


@pytest.fixture
def provider(wanted: RentedPool) -> Provider:
    return provider_of(wanted.provider)


def test_the_offers_that_fit_come_with_their_price(provider: Provider, wanted: RentedPool, state: State) -> None:
    prices = {"skypilot": [2.1, 2.99], "vessl": [2.39]}
    assert [offer.dollars_per_hour for offer in provider.offers(wanted)] == prices[wanted.provider]


def test_a_machine_is_started_once_listed_and_stopped(
    provider: Provider, wanted: RentedPool, state: State, store: Store
) -> None:
    name = rent(store, provider, wanted, by="ada", why="a test").name
    assert rent(store, provider, wanted, by="grace", why="a test").name == name
    assert [each.state for each in provider.status().values()] == ["running"]
    creating = [call for call in state()["calls"] if call[0] == "launch" or call[:2] == ["job", "create"]]
    assert len(creating) == 1
    ended = end_lease(store, provider, name, "ada", "a test")
    assert (ended.is_open, provider.status()) == (False, {})
    provider.stop(name)


def test_no_secret_is_on_a_command_line_or_in_a_record(
    provider: Provider, wanted: RentedPool, state: State, store: Store
) -> None:
    machine = rent(store, provider, wanted, by="ada", why="a test")
    found = state()
    assert "very-secret" not in json.dumps([found["calls"], found.get("task"), provider.commands])
    assert "very-secret" not in "".join(event.model_dump_json() for event in machine.events)
    if wanted.provider == "skypilot":
        assert found["secrets"]["AWS_SECRET_ACCESS_KEY"] == "very-secret"
        task = YAML(typ="safe").load(found["task"])
        assert task["resources"]["autostop"] == {"idle_minutes": 1, "down": True}
        assert task["resources"]["infra"] == "vast/France, FR, EU"
        assert "timeout --kill-after=60" in task["run"]
    else:
        (create,) = [call for call in found["calls"] if call[:2] == ["job", "create"]]
        assert "AWS_SECRET_ACCESS_KEY=AWS_SECRET_ACCESS_KEY" in create
        assert "timeout --kill-after=60" in create[-1]


def test_a_dry_run_runs_nothing_and_shows_every_command(wanted: RentedPool, state: State) -> None:
    dry = provider_of(wanted.provider, dry_run=True)
    assert (dry.offers(wanted), dry.status()) == ([], {})
    dry.stop("hs-000000-h100-1")
    assert len(dry.commands) >= 3
    assert state()["calls"] == []


def test_signed_out_is_one_sentence_and_no_empty_list(provider: Provider, state: State) -> None:
    state(signed_out=True)
    for ask in (provider.status, lambda: provider.has_ended("hs-1", "job-hs-1")):
        with pytest.raises(ProviderError, match=r"sky is not signed in .*sky check|it is not signed in\. .*auth login"):
            ask()


def test_a_program_that_is_missing_is_one_sentence(
    provider: Provider, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ProviderError, match=r"(sky|vesslctl) is not installed on this machine: "):
        provider.status()


def test_a_machine_that_the_list_leaves_out_is_not_taken_for_ended(
    wanted: RentedPool, state: State, store: Store
) -> None:
    name = rent(store, provider_of(wanted.provider), wanted, by="ada", why="a test").name
    machines = state()["machines"]
    # VESSL's list is cut after the first page; another SkyPilot server does not know the cluster.
    state(machines=machines | {"other": "UP"}, page=1) if wanted is VESSL else state(
        machines={"other": "UP"}, history=[]
    )
    sweeper = Sweeper(store, provider_of, lambda pool: False, lambda pool: True)
    found = sweeper.sweep()
    assert (found.stopped, read_machine(store, name).is_open) == ([], True)
    if wanted is VESSL:
        assert found.problems == []
        assert not end_lease(store, provider_of("vessl"), name, "ada", "a test").is_open
        assert state()["machines"][name] == "terminated"
    else:
        (problem,) = found.problems
        assert f"`hindsight rent stop {name} --gone --why REASON` closes its record" in problem
        with pytest.raises(ProviderError, match="never had a cluster of this name"):
            rent(store, provider_of("skypilot"), wanted, by="ada", why="a test")
        assert main(["rent", "stop", name, "--gone", "--why", "its page is empty"]) == 0
        assert not read_machine(store, name).is_open


@pytest.mark.parametrize("wanted", [SKY], ids=["skypilot"], indirect=True)
def test_a_cluster_that_tore_itself_down_has_ended_by_its_history(
    wanted: RentedPool, state: State, store: Store
) -> None:
    name = rent(store, provider_of("skypilot"), wanted, by="ada", why="a test").name
    state(machines={})
    found = Sweeper(store, provider_of, lambda pool: False, lambda pool: True).sweep()
    assert ([name in each for each in found.stopped], found.problems) == ([True], [])


@pytest.mark.parametrize("wanted", [SKY], ids=["skypilot"], indirect=True)
def test_a_cloud_that_is_not_enabled_rents_nothing(provider: Provider, wanted: RentedPool, state: State) -> None:
    with pytest.raises(
        ProviderError, match=r"sky is not signed in to azure, but to aws, gcp, lambda, vast: `sky check"
    ):
        provider.offers(wanted.model_copy(update={"where": "azure/eastus"}))


@pytest.mark.parametrize("wanted", [VESSL], ids=["vessl"], indirect=True)
def test_a_job_that_could_not_be_created_is_closed_at_once(wanted: RentedPool, state: State, store: Store) -> None:
    state(machines={f"other-{index}": "running" for index in range(3)}, page=2, quota=True)
    with pytest.raises(ProviderError, match="quota exceeded"):
        rent(store, provider_of("vessl"), wanted, by="ada", why="a test")
    assert [machine.is_open for machine in list_machines(store).machines] == [False]


@pytest.mark.parametrize("wanted", [SKY], ids=["skypilot"], indirect=True)
def test_half_an_answer_is_no_answer(provider: Provider, state: State) -> None:
    state(machines={"hs-1": "UP"}, cut=20)
    with pytest.raises(ProviderError, match="did not print JSON"):
        provider.status()


@pytest.mark.parametrize("wanted", [VESSL], ids=["vessl"], indirect=True)
def test_a_resource_spec_that_is_gone_rents_nothing(
    provider: Provider, wanted: RentedPool, state: State, store: Store
) -> None:
    state(offers=OFFERS["vessl"][1:])
    with pytest.raises(NoOffer, match="vessl offers no resourcespec-ch100x1 now; nothing was rented"):
        rent(store, provider, wanted, by="ada", why="a test")
    assert state()["machines"] == {}


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("{pool: h100x9, provider: local, offer: a, max_dollars_per_hour: 1, lease_hours: 1}", "'h100x9' is unknown"),
        ("{pool: cpu, provider: local, offer: a, max_dollars_per_hour: 1, lease_hours: 1}", "would never be idle"),
        ("{pool: h100, provider: vessl, offer: a, max_dollars_per_hour: 1, lease_hours: 1}", "needs the `image`"),
        ("{pool: h100, provider: local, offer: '-y', max_dollars_per_hour: 1, lease_hours: 1}", "offer = '-y'"),
        ("{pool: h100, provider: local, offer: a, max_dollars_per_hour: .nan, lease_hours: 1}", "finite number"),
    ],
)
def test_a_bad_list_of_rented_pools_is_refused(tmp_path: Path, line: str, match: str) -> None:
    file = tmp_path / "rent.yaml"
    file.write_text(f"pools: [{line}]")
    with pytest.raises(BadRent, match=match):
        load_rent(file)


def test_the_project_rents_nothing_by_default() -> None:
    assert load_rent().pools == ()
