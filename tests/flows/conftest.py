"""Runs that several modules look at."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.common.settings import project_root
from tests.flows.stage_runs import deploy_again
from tests.local_stack import Stack
from tests.s3_server import S3Server


@dataclass(frozen=True)
class InlineRun:
    """The smoke recipe in one process on the S3 server.

    Args:
        first: What the first run printed.
        state: Its state folder.
        bucket: The folder behind the bucket's prefix.
        run: The same command once more.
    """

    first: "subprocess.CompletedProcess[str]"
    state: Path
    bucket: Path
    run: "Callable[[], subprocess.CompletedProcess[str]]"


@pytest.fixture(scope="session")
def inline_run(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> InlineRun:
    state = tmp_path_factory.mktemp("inline")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HINDSIGHT_", "PREFECT_"))}
    environment = {
        **kept,
        **s3_server.environment(),
        "HINDSIGHT_STATE": str(state),
        "HINDSIGHT_STORE": f"s3://{s3_server.bucket}/inline",
    }
    command = [sys.executable, "-m", "hindsight", "run", "configs/smoke.yaml"]

    def run() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, cwd=project_root(), env=environment, capture_output=True, text=True)

    return InlineRun(run(), state, s3_server.folder / s3_server.bucket / "inline", run)


@pytest.fixture
def priced_panel(on_stack: Stack) -> str:
    """The panel's deployment once more, on the H100's pool and at a provider that sends a bill."""
    return deploy_again("panel/cpu", "priced", "h100", job_variables={"env": {"HINDSIGHT_PROVIDER": "vessl"}})
