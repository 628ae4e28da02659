"""What is refused before a server starts, and which secrets reach which process."""

from pathlib import Path

import pytest

from deployments.access import CLIENTS_AUTH, BadAuth, BadHost, OpenToAll, clients_environment, workers_environment
from deployments.address import Address
from deployments.pools import pool_files
from deployments.processes import remove_workspaces, temporary_dir
from tests.local_stack import Stack

PASSWORD = "a-password-of-the-tests-4f1c"
AUTH = f"quant:{PASSWORD}"


def test_what_a_killed_worker_left_of_its_runs_is_swept_and_nothing_else(own_state: Path) -> None:
    left = temporary_dir() / "prefect-workspace-attempt-1" / "workspace.json"
    left.parent.mkdir()
    left.write_text(PASSWORD)
    other = temporary_dir() / "work" / "weights.bin"
    other.parent.mkdir()
    other.write_text("of a run that lives on")
    assert remove_workspaces() == 1
    assert not left.parent.exists()
    assert other.exists()
    assert remove_workspaces() == 0


@pytest.mark.parametrize("auth", ["quant", "quant:short", ":a-long-password", "quant:with a space", "quänt:password1"])
def test_what_is_not_a_user_and_password_is_refused_without_quoting_it(auth: str, monkeypatch) -> None:
    monkeypatch.setenv("HINDSIGHT_AUTH", auth)
    with pytest.raises(BadAuth, match=rf"HINDSIGHT_AUTH \({len(auth)} characters\) is not user:password") as refusal:
        Address.from_environment()
    assert auth not in str(refusal.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.7.7"])  # noqa: S104 (refused)
def test_an_address_other_machines_reach_is_refused_without_authentication(host: str, monkeypatch) -> None:
    monkeypatch.setenv("HINDSIGHT_HOST", host)
    with pytest.raises(OpenToAll, match=rf"HINDSIGHT_HOST={host} would let every machine .* HINDSIGHT_AUTH=user:pass"):
        Address.from_environment()
    monkeypatch.setenv("HINDSIGHT_AUTH", AUTH)
    address = Address.from_environment()
    assert address.host == host
    assert AUTH not in repr(address)


@pytest.mark.parametrize(
    ("host", "ui"),
    [("", "http://127.0.0.1:4200"), ("127.0.0.7", "http://127.0.0.7:4200"), ("::1", "http://[::1]:4200")],
)
def test_this_machines_own_addresses_need_no_authentication(host: str, ui: str, monkeypatch) -> None:
    monkeypatch.setenv("HINDSIGHT_HOST", host)
    assert Address.from_environment().ui == ui


def test_a_server_that_listens_everywhere_is_reached_on_this_machine() -> None:
    assert Address(4200, "0.0.0.0", AUTH).api == "http://127.0.0.1:4200/api"  # noqa: S104 (starts nothing)


def test_a_name_is_not_an_address_to_listen_on(monkeypatch) -> None:
    monkeypatch.setenv("HINDSIGHT_HOST", "gpu-node")
    with pytest.raises(BadHost, match="HINDSIGHT_HOST='gpu-node' is not an IP address"):
        Address.from_environment()


def test_up_refuses_to_open_itself_to_other_machines_in_a_sentence(tmp_path: Path) -> None:
    refused = Stack(tmp_path, 4999, {"HINDSIGHT_HOST": "0.0.0.0"}).local("up")  # noqa: S104 (refused)
    assert refused.returncode == 1
    assert refused.stderr.startswith("hindsight: HINDSIGHT_HOST=0.0.0.0 would let every machine")
    assert not (tmp_path / "processes.json").exists()


@pytest.mark.parametrize("file", pool_files(), ids=lambda file: file.stem)
def test_a_pools_template_names_no_user_no_system_folder_and_no_secret(file: Path) -> None:
    text = file.read_text().lower()
    for word in ("sudo", 'root"', "privileged", "/root", "/etc", "/usr", "/var", "auth_string", "password", "secret"):
        assert word not in text


def test_neither_the_servers_own_secrets_nor_the_webhooks_address_reach_a_worker() -> None:
    environment = {
        "HINDSIGHT_AUTH": "somebody:password",
        "HINDSIGHT_WEBHOOK_URL": "https://hooks.example.org/T0KEN",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://user:secret@host/db",
        "HINDSIGHT_STORE": "s3://bucket/prefix",
    }
    client = clients_environment(environment, "somebody:password")
    assert "HINDSIGHT_WEBHOOK_URL" in client, "the registration of automations needs it"
    assert workers_environment(client) == {"HINDSIGHT_STORE": "s3://bucket/prefix", CLIENTS_AUTH: "somebody:password"}
