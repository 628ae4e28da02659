"""A stack with authentication, with PostgreSQL if there is one, run by a user without rights."""

import base64
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from deployments.address import Address
from tasks.store.store import open_store
from tests.flows.gated import GateConfig, gated, request
from tests.flows.restarts import a_run_lives_through
from tests.flows.scraping import metrics_of, scrape
from tests.flows.stage_runs import finished, lines_of, trigger, until
from tests.local_stack import Stack, deploy, local_stack, process_ids, unprivileged
from tests.postgres import ABSENT, VARIABLE, postgres_where_possible

PASSWORD = "a-password-of-the-tests-4f1c"
AUTH = f"quant:{PASSWORD}"


@dataclass(frozen=True)
class Guarded:
    """The stack, its database's password if it has one, its user id, and when it started."""

    stack: Stack
    database_password: str | None
    uid: int
    began: float

    @property
    def gates(self) -> Path:
        """A folder of the stack's user."""
        folder = self.stack.state / "gates"
        folder.mkdir(exist_ok=True)
        os.chown(folder, self.uid, -1)
        return folder


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    account, command = unprivileged()
    # Not a folder of pytest: those are open to their owner only.
    with postgres_where_possible() as database, tempfile.TemporaryDirectory(prefix="hindsight-guarded-") as name:
        os.chown(name, account.pw_uid, account.pw_gid)
        extra = {
            "HINDSIGHT_AUTH": AUTH,
            **database,
            "HINDSIGHT_LOG_FORMAT": "json",
            # As an account without a home has it: what needs one would fail.
            "HOME": "/nonexistent",
        }
        began = Path(name).stat().st_ctime
        with local_stack(Path(name), extra, command) as stack:
            password = database[VARIABLE].split(":")[2].split("@")[0] if database else None
            yield Guarded(stack, password, account.pw_uid, began)


@pytest.fixture
def on_guarded(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    """This process as a client with the password."""
    monkeypatch.setenv("HINDSIGHT_STATE", str(guarded.stack.state))
    with temporary_settings(updates={PREFECT_API_URL: guarded.stack.api, PREFECT_API_AUTH_STRING: AUTH}):
        yield guarded


@pytest.mark.server
@pytest.mark.parametrize("seconds_away", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_a_run_lives_through_the_death_of_its_server_on_postgresql(on_guarded: Guarded, seconds_away: float) -> None:
    if on_guarded.database_password is None:
        pytest.skip(ABSENT)
    with tempfile.TemporaryDirectory(dir=on_guarded.gates) as gates:
        os.chown(gates, on_guarded.uid, -1)
        a_run_lives_through(on_guarded.stack, Path(gates), seconds_away)


@pytest.mark.server
@pytest.mark.parametrize("path", ["admin/version", "admin/settings", "flows/filter", "block_documents/filter"])
def test_a_call_without_the_password_is_refused(guarded: Guarded, path: str) -> None:
    wrong = base64.b64encode(b"quant:another-password").decode()
    for headers in ({}, {"Authorization": f"Basic {wrong}"}, {"Authorization": f"Bearer {AUTH}"}):
        assert httpx.get(f"{guarded.stack.api}/{path}", headers=headers).status_code == 401
        assert httpx.post(f"{guarded.stack.api}/{path}", headers=headers, json={}).status_code == 401


@pytest.mark.server
def test_a_stage_runs_through_authentication_and_hands_its_password_on_in_a_private_file(on_guarded: Guarded) -> None:
    config = GateConfig(folder=str(on_guarded.gates), name="guarded")
    run = trigger("gated/test", request(config).spec)
    until(config.starts.exists)
    holding = files_with(on_guarded, PASSWORD)
    assert {file.name for file in holding} == {"workspace.json"}
    assert [file for file in holding if file.stat().st_mode & 0o077 or file.parent.stat().st_mode & 0o077] == []
    config.gate.touch()
    assert finished(run).state_name == "Completed", lines_of(run)
    assert open_store().find(request(config).spec) is not None
    own = {"id": [f"prefect.flow-run.{run.id}"]}
    until(lambda: {"prefect.flow-run.Running", "prefect.flow-run.Completed"} <= set(events(on_guarded, resource=own)))
    until(lambda: any("published" in line for line in lines_of(run)))
    until(lambda: not files_with(on_guarded, PASSWORD))


@pytest.mark.server
def test_a_stages_lines_are_json_with_its_run_and_its_artifact(on_guarded: Guarded) -> None:
    deploy(gated, "test")
    config = GateConfig(folder=str(on_guarded.gates), name="json-lines")
    config.gate.touch()
    spec = request(config).spec
    run = trigger("gated/test", spec)
    assert finished(run).state_name == "Completed", lines_of(run)
    lines = until(lambda: [line for line in json_lines(on_guarded) if f"published {spec.path}" in line["message"]])
    about = {"run": str(run.id), "stage": spec.kind, "artifact": spec.key, "level": "INFO"}
    assert [about.items() <= line.items() for line in lines] == [True]
    # The engine logs its last line after the server knows the state.
    until(lambda: "Finished in state Completed()" in {line["message"] for line in lines_about(on_guarded, run)})
    own = lines_about(on_guarded, run)
    assert all(line.keys() >= {"time", "level", "logger", "run", "stage", "artifact", "message"} for line in own)


def json_lines(guarded: Guarded) -> list[dict[str, str]]:
    """What the worker and its runs have logged so far; a line that begins as JSON and is none is an error."""
    lines = (guarded.stack.state / "logs" / "worker-cpu.log").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


def lines_about(guarded: Guarded, run: FlowRun) -> list[dict[str, str]]:
    return [line for line in json_lines(guarded) if line["run"] == str(run.id)]


@pytest.mark.server
def test_the_metrics_need_the_password_too(on_guarded: Guarded) -> None:
    with metrics_of(on_guarded.stack) as address:
        assert httpx.get(f"{address}/metrics").status_code == 401
        found = scrape(address, (*AUTH.split(":"),))
    assert found["hindsight_server_up"] == [({}, 1.0)]


def files_with(guarded: Guarded, *secrets: str) -> list[Path]:
    """Every file of the state folder that contains one of them."""
    found = []
    for file in guarded.stack.state.rglob("*"):
        # Runs come and go meanwhile.
        with suppress(FileNotFoundError, IsADirectoryError):
            content = file.read_bytes()
            found += [file] * any(secret.encode() in content for secret in secrets)
    return found


def events(guarded: Guarded, **wanted: object) -> list[str]:
    """Names of the events the server has."""
    address = Address(guarded.stack.port, auth=AUTH)
    answer = httpx.post(f"{address.api}/events/filter", json={"filter": wanted}, headers=address.headers)
    return [found["event"] for found in answer.json()["events"]]


@pytest.mark.server
def test_heartbeats_arrive_through_authentication(on_guarded: Guarded) -> None:
    assert events(on_guarded, event={"name": ["prefect.flow-run.heartbeat"]})


@pytest.mark.server
def test_the_password_is_in_no_file_no_command_line_and_no_run(on_guarded: Guarded) -> None:
    secrets = [PASSWORD, base64.b64encode(AUTH.encode()).decode()]
    secrets += [on_guarded.database_password] * bool(on_guarded.database_password)
    names = {file.name for file in on_guarded.stack.state.rglob("*")}
    assert {"server.log", "worker-cpu.log", "record.json", "processes.json"} <= names
    assert files_with(on_guarded, *secrets) == []
    own = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert [line for line in own for secret in secrets if secret in line] == []
    with get_client(sync_client=True) as client:
        texts = [run.model_dump_json() for run in client.read_flow_runs()]
        texts += [deployment.model_dump_json() for deployment in client.read_deployments()]
        texts += [line.message for line in client.read_logs()]
    address = Address(on_guarded.stack.port, auth=AUTH)
    texts.append(httpx.get(f"{address.api}/admin/settings", headers=address.headers).text)
    assert len(texts) > 10
    assert [text for text in texts for secret in secrets if secret in text] == []


@pytest.mark.server
def test_workers_know_nothing_of_the_servers_database(guarded: Guarded) -> None:
    for name, pid in process_ids(guarded.stack).items():
        environment = psutil.Process(pid).environ()
        assert (VARIABLE in environment) == (name == "server" and guarded.database_password is not None)
        assert str(guarded.database_password) not in " ".join(environment.values()) or name == "server"
        assert ("PREFECT_SERVER_API_AUTH_STRING" in environment) == (name == "server")
        assert environment["PREFECT_API_AUTH_STRING"] == AUTH
        assert "HINDSIGHT_AUTH" not in environment


@pytest.mark.server
def test_nothing_is_run_by_root_and_nothing_is_written_outside_the_state_folder(guarded: Guarded) -> None:
    processes = [psutil.Process(pid) for pid in process_ids(guarded.stack).values()]
    assert {process.uids().effective for process in processes} == {guarded.uid}
    outside = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/dev/shm")]  # noqa: S108 (looked into only)
    if os.geteuid() == 0:
        assert [path for folder in outside for path in folder.iterdir() if strays(path, guarded)] == []
    owners = {path.lstat().st_uid for path in guarded.stack.state.rglob("*")}
    assert guarded.uid in owners


def strays(path: Path, guarded: Guarded) -> bool:
    """Whether the stack's user created it outside the state folder since the stack started."""
    if path == guarded.stack.state or path.name.startswith("hindsight-postgres-"):
        return False
    facts = path.lstat()
    return facts.st_uid == guarded.uid and facts.st_ctime >= guarded.began


@pytest.mark.server
def test_up_refuses_a_running_server_with_another_password_than_is_set(guarded: Guarded) -> None:
    stack = guarded.stack
    texts = []
    for other in ({}, {"HINDSIGHT_AUTH": "quant:another-password"}):
        kept = {name: value for name, value in stack.extra.items() if name != "HINDSIGHT_AUTH"}
        refused = Stack(stack.state, stack.port, {**kept, **other}, stack.account).local("up")
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
        texts.append(refused.stderr)
    assert "asks for HINDSIGHT_AUTH, which is not set here" in texts[0]
    assert "asks for another HINDSIGHT_AUTH than is set here" in texts[1]
