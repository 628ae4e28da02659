"""infra/compose.replicas.yaml: two servers and their services on one PostgreSQL and one Redis."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from deployments.pools import register_pools
from tests.deployments.receiver import Receiver, receiver
from tests.flows.stage_runs import finished, until
from tests.infra.balancer import balancer
from tests.infra.compose_file import BASE, REPLICAS
from tests.infra.installation import Installation, installation
from tests.infra.small_flows import wait_for
from tests.local_stack import deploy

pytestmark = [pytest.mark.server, pytest.mark.slow]

SERVERS = ("server", "server-2")
LIMIT = "one-at-a-time"
EVENT = "hindsight.test.ping"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Both servers, their services, and a worker that reaches one of them."""
    with installation(tmp_path_factory.mktemp("replicas"), BASE, REPLICAS) as running:
        # The store and the registration are test_compose's.
        running.started.add("register")
        for instance in SERVERS:
            running.start("server", instance)
        running.start("services")
        servers = [(running.addresses[name], 4200) for name in SERVERS]
        with balancer((running.reached_at["server"], 4200), servers):
            with client_of(running, "server"):
                register_pools()
                deploy(wait_for, "replicas")
            running.start("worker-cpu")
            yield running


@contextmanager
def client_of(installed: Installation, instance: str) -> Iterator[None]:
    """This process as a client of one of the servers."""
    with temporary_settings(
        updates={PREFECT_API_URL: installed.api(instance), PREFECT_API_AUTH_STRING: auth(installed)}
    ):
        yield


def auth(installed: Installation) -> str:
    return f"hindsight:{installed.secret('api-password')}"


def ask(installed: Installation, instance: str, path: str, content: object) -> httpx.Response:
    user, _, password = auth(installed).partition(":")
    return httpx.post(f"{installed.api(instance)}/{path}", json=content, auth=(user, password), timeout=60)


@pytest.mark.parametrize(("first", "second"), [SERVERS, SERVERS[::-1]])
def test_a_run_created_at_one_server_is_followed_at_the_other(
    installed: Installation, first: str, second: str, tmp_path: Path
) -> None:
    (tmp_path / "open").touch()
    with client_of(installed, first):
        run = run_deployment("wait-for/replicas", parameters={"gate": str(tmp_path / "open")}, timeout=0)
    with client_of(installed, second):
        assert finished(run).state.is_completed(), installed.log("worker-cpu")


@pytest.mark.parametrize(("killed", "other"), [SERVERS, SERVERS[::-1]])
def test_a_run_lives_through_the_death_of_a_server(
    installed: Installation, killed: str, other: str, tmp_path: Path
) -> None:
    with client_of(installed, killed):
        run = run_deployment("wait-for/replicas", parameters={"gate": str(tmp_path / "open")}, timeout=0)
    try:
        with client_of(installed, other), get_client(sync_client=True) as client:
            until(lambda: client.read_flow_run(run.id).state.is_running())
            installed.kill(killed)
            (tmp_path / "open").touch()
            assert finished(run).state.is_completed(), installed.log("worker-cpu")
            # And work is still handed out.
            after = run_deployment("wait-for/replicas", parameters={"gate": str(tmp_path / "open")}, timeout=0)
            assert finished(after).state.is_completed()
    finally:
        installed.start("server", killed)


@pytest.fixture
def heard(installed: Installation) -> Iterator[Receiver]:
    """An address that an automation calls for each of our events."""
    with receiver() as listening, client_of(installed, "server"):
        block = Webhook(url=SecretStr(listening.url)).save("replicas-test", overwrite=True)
        action = CallWebhook(block_document_id=block, payload='{"id": "{{ event.id }}", "kind": "ping"}')
        trigger = EventTrigger(expect={EVENT}, posture=Posture.Reactive, threshold=1)
        with get_client(sync_client=True) as client:
            made = client.create_automation(AutomationCore(name="replicas", trigger=trigger, actions=[action]))
            yield listening
            client.delete_automation(made)


def test_an_event_of_either_server_is_kept_once_and_fires_an_automation_once(
    installed: Installation, heard: Receiver
) -> None:
    def emit(instance: str) -> str:
        event = {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), "event": EVENT}
        resource = {"prefect.resource.id": f"hindsight.test.{event['id']}"}
        assert ask(installed, instance, "events", [{**event, "resource": resource}]).status_code == 204
        return event["id"]

    # The services hear of a new automation a moment later.
    until(lambda: emit("server") and heard.received)
    sent = [emit(SERVERS[number % 2]) for number in range(10)]
    until(lambda: set(sent) <= {each["id"] for each in heard.received})
    # Whatever would come twice has come: this one was sent after all of them.
    last = emit("server-2")
    until(lambda: last in {each["id"] for each in heard.received})
    counts = Counter(each["id"] for each in heard.received)
    assert {each: counts[each] for each in sent} == dict.fromkeys(sent, 1)
    kept = until(lambda: ask(installed, "server-2", "events/filter", {"filter": {"event": {"name": [EVENT]}}}).json())
    found = Counter(each["id"] for each in kept["events"])
    assert {each: found[each] for each in sent} == dict.fromkeys(sent, 1)


def test_a_slot_taken_at_one_server_is_taken_at_the_other_and_comes_back_when_its_lease_ends(
    installed: Installation,
) -> None:
    def take(instance: str) -> httpx.Response:
        wanted = {"names": [LIMIT], "slots": 1, "mode": "concurrency", "lease_duration": 60}
        return ask(installed, instance, "v2/concurrency_limits/increment-with-lease", wanted)

    assert ask(installed, "server", "v2/concurrency_limits/", {"name": LIMIT, "limit": 1}).status_code == 201
    taken = take("server")
    assert taken.status_code == 200
    assert take("server-2").status_code == 423
    lease = {"lease_id": taken.json()["lease_id"]}
    assert ask(installed, "server-2", "v2/concurrency_limits/decrement-with-lease", lease).status_code == 204
    # Its holder dies: nobody renews this one.
    assert take("server-2").status_code == 200
    assert take("server").status_code == 423
    until(lambda: take("server").status_code == 200)
