"""Starting and ending what runs on this machine."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deployments.address import Address, BadPort, PortInUse, server_answers
from deployments.processes import end_all, is_running, record_process
from tasks.common.settings import project_root
from tests.local_stack import Stack
from tests.s3_server import free_port

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
PARENT = f"import subprocess, time; subprocess.Popen({SLEEP!r}); time.sleep(600)"


@pytest.fixture
def listener():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_taken_port_is_refused_with_another_to_try(listener: int) -> None:
    with pytest.raises(PortInUse, match=rf"port {listener} on 127\.0\.0\.1 is in use.*HINDSIGHT_PORT={listener + 1}"):
        Address(listener).check_port_is_free()


def test_up_refuses_a_taken_port_before_it_starts_anything(listener: int, tmp_path: Path) -> None:
    refused = Stack(tmp_path, listener).local("up")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith(f"hindsight: port {listener}")
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "processes.json").exists()


@pytest.mark.parametrize("text", ["80", "eighty", "70000", ""])
def test_a_value_that_is_not_a_port_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_PORT", text)
    with pytest.raises(BadPort, match=f"HINDSIGHT_PORT='{text}' is not a port from 1024 to 65535"):
        Address.from_environment()


def test_a_silent_port_is_not_a_server(listener: int) -> None:
    assert not server_answers(Address(free_port()))


def test_options_behind_runs_reach_the_command_they_belong_to(tmp_path: Path) -> None:
    refused = Stack(tmp_path, free_port()).local("runs", "--csv", str(tmp_path / "runs.csv"))
    assert refused.returncode == 1
    assert "no Prefect server answers at http://127.0.0.1:" in refused.stderr
    refused = Stack(tmp_path, free_port()).local("down", "--csv")
    assert refused.returncode == 2
    assert refused.stderr == "hindsight: Unknown option: --csv. `hindsight down --help` shows how.\n"


def test_a_plan_of_the_local_pools_costs_nothing(tmp_path: Path) -> None:
    planned = Stack(tmp_path, free_port()).local("plan", "smoke")
    assert planned.returncode == 0, planned.stderr
    assert "at own's prices" in planned.stdout


def test_following_without_a_server_is_refused_in_a_sentence(tmp_path: Path) -> None:
    refused = Stack(tmp_path, free_port()).local("follow", "leakage-premium/smoke")
    assert refused.returncode == 1
    assert "no Prefect server answers at http://127.0.0.1:" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_unwritable_store_is_refused_before_a_server_starts(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    stack = Stack(tmp_path / "file" / "state", free_port())
    refused = stack.local("up")
    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_down_ends_what_was_recorded_with_its_descendants_and_nothing_else(own_state: Path) -> None:
    bystander = subprocess.Popen(SLEEP)
    started = subprocess.Popen([sys.executable, "-c", PARENT])
    try:
        record_process("worker", started.pid)
        while not (children := psutil.Process(started.pid).children()):
            time.sleep(0.05)
        assert is_running("worker")
        assert end_all() == ["worker"]
        assert started.wait(timeout=30) is not None
        assert not children[0].is_running() or children[0].status() == psutil.STATUS_ZOMBIE
        assert bystander.poll() is None
        assert end_all() == []
    finally:
        bystander.kill()


def test_down_keeps_another_program_with_the_same_process_id(own_state: Path) -> None:
    stranger = subprocess.Popen(SLEEP)
    try:
        record_process("worker", stranger.pid)
        file = own_state / "processes.json"
        file.write_text(json.dumps({"worker": [stranger.pid, 12345.0]}))
        assert end_all() == []
        assert stranger.poll() is None
    finally:
        stranger.kill()


def test_prefect_is_not_imported_before_its_environment_is_set() -> None:
    ask = "import sys, hindsight.cli.main, deployments.local; print('prefect' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=project_root())
    assert told.stdout == "False\n", told.stderr
