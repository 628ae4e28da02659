"""The project's own local server and workers, in a folder and on a port of the test's own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.settings import project_root
from tests.s3_server import free_port


@dataclass(frozen=True)
class Stack:
    """A running server with three workers."""

    state: Path
    port: int

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def store(self) -> Path:
        return self.state / "store"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HINDSIGHT_", "PREFECT_"))}
        return {**kept, "HINDSIGHT_STATE": str(self.state), "HINDSIGHT_PORT": str(self.port)}

    def local(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`python -m deployments.local ...`, as the Makefile calls it."""
        command = [sys.executable, "-m", "deployments.local", *arguments]
        return subprocess.run(
            command, cwd=project_root(), env=self.environment(), capture_output=True, text=True, timeout=900
        )


@contextmanager
def local_stack(state: Path) -> Iterator[Stack]:
    """Server and workers until the block ends."""
    stack = Stack(state, free_port())
    try:
        started = stack.local("up")
        assert started.returncode == 0, started.stderr
        yield stack
    finally:
        stack.local("down")
