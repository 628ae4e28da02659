"""The project's own local server and workers, in a folder and on a port of the test's own."""

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client

from tasks.common.settings import project_root
from tests.s3_server import free_port
from tests.waiting import GENEROUS_SECONDS

FOREIGN = ("HINDSIGHT_", "PREFECT_", "TMPDIR")
READ_EVERYTHING = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
"""Where the interpreter lies in root's home, nobody else could start it; this right reads, and writes nothing."""


@dataclass(frozen=True)
class Stack:
    """A running server with a worker per pool.

    Args:
        state: Its state folder.
        port: Where its server listens.
        extra: What its environment says besides, such as HINDSIGHT_AUTH.
        account: What stands before its commands, to run them as somebody else.
    """

    state: Path
    port: int
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    account: tuple[str, ...] = ()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def store(self) -> Path:
        return self.state / "store"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {**kept, "HINDSIGHT_STATE": str(self.state), "HINDSIGHT_PORT": str(self.port), **self.extra}

    def local(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`hindsight ...`, as the Makefile calls it."""
        command = [*self.account, sys.executable, "-m", "hindsight", *arguments]
        return subprocess.run(
            command,
            cwd=project_root(),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=GENEROUS_SECONDS,
        )


@contextmanager
def local_stack(state: Path, extra: Mapping[str, str] | None = None, account: tuple[str, ...] = ()) -> Iterator[Stack]:
    """Server and workers until the block ends.

    Args:
        state: Their folder; the account must be able to write there.
        extra: As in Stack.
        account: As in Stack.
    """
    stack = Stack(state, free_port(), extra or {}, account)
    try:
        started = stack.local("up")
        assert started.returncode == 0, started.stderr
        yield stack
    finally:
        stack.local("down")


def process_ids(stack: Stack) -> dict[str, int]:
    """What `up` started and noted, by name."""
    noted = json.loads((stack.state / "processes.json").read_text())
    return {name: pid for name, (pid, born) in noted.items()}


def deploy(flow: Flow, name: str, pool: str = "cpu", variables: Mapping[str, str] | None = None) -> None:
    """A test's flow, on the server this process is a client of; its module is installed nowhere."""
    environment = {"PYTHONPATH": str(project_root()), **(variables or {})}
    with get_client(sync_client=True) as client:
        client.create_deployment(
            flow_id=client.create_flow(flow),
            name=name,
            work_pool_name=pool,
            entrypoint=f"{flow.fn.__module__}.{flow.fn.__name__}",
            pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(project_root())}}],
            job_variables={"env": environment},
        )


def unprivileged() -> tuple[pwd.struct_passwd, tuple[str, ...]]:
    """An account without rights, and what to put before a command to run it so; nothing where this is no root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()), ()
    nobody = pwd.getpwnam("nobody")
    plain = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    for command in (plain, (*plain, *READ_EVERYTHING)):
        if _finds_this_python(command):
            return nobody, command
    pytest.skip(f"{sys.base_prefix} cannot be read by {nobody.pw_name}, nor may setpriv let it")


def _finds_this_python(account: tuple[str, ...]) -> bool:
    ask = [*account, sys.executable, "-c", "import sys, tasks; print(sys.base_prefix)"]
    told = subprocess.run(ask, cwd=project_root(), capture_output=True, text=True)
    return told.returncode == 0 and told.stdout.strip() == sys.base_prefix
