"""An isolated process has no network and no credentials, and says how it was isolated."""

import socket
import subprocess
import sys
from typing import Any

import pytest

from tasks.common import isolation
from tasks.common.isolation import NAMESPACE, SECCOMP, IsolatedFailed, NotIsolated, run_isolated

HERE = __name__


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """What the isolated process finds; this module is imported by it."""
    import os

    if arguments.get("fail"):
        raise ValueError("the file is damaged")
    return {
        "itself": _connects(arguments["port"]),
        "its_child": subprocess.run([sys.executable, "-c", arguments["child"]], capture_output=True).returncode == 0,
        "variables": sorted(name for name in os.environ if "KEY" in name or "TOKEN" in name),
    }


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def test_neither_it_nor_its_child_reaches_a_server_and_no_credentials_are_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("HF_TOKEN", "secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        child = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5)"
        assert _connects(port)
        assert subprocess.run([sys.executable, "-c", child]).returncode == 0
        found = run_isolated(HERE, {"port": port, "child": child})
    assert (found["itself"], found["its_child"], found["variables"]) == (False, False, [])
    assert found["isolation"] in (SECCOMP, NAMESPACE)


def test_the_namespace_isolates_where_there_is_no_filter() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = (
            "import socket; from tasks.common import isolation; isolation._ARCHITECTURES = {}; "
            f"print(isolation.isolate()); socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=5)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.stdout.strip() != NAMESPACE:
        pytest.skip("this machine does not let a user make a network namespace")
    assert done.returncode != 0
    assert "Error" in done.stderr.splitlines()[-1]


def test_without_isolation_nothing_is_read_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Machine:
        returncode, stdout, stderr = isolation._NOT_ISOLATED, "", ""

    monkeypatch.setattr("subprocess.run", lambda *arguments, **options: Machine())
    with pytest.raises(NotIsolated, match=r"neither a seccomp filter nor a network namespace .*another machine\.$"):
        run_isolated(HERE, {})


def test_its_error_is_passed_on() -> None:
    with pytest.raises(IsolatedFailed, match="failed: ValueError: the file is damaged"):
        run_isolated(HERE, {"fail": True})
