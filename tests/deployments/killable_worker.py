"""Deployments of tests.deployments.silent_flows, and a worker that a test may kill with all it started."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment

from deployments.pools import POOLS_DIR
from tasks.common.settings import project_root
from tests.local_stack import Stack

FLOWS = "tests.deployments.silent_flows"
HERE: dict[str, Any] = {"prefect.deployments.steps.set_working_directory": {"directory": str(project_root())}}


def deploy(client: SyncPrefectClient, flow: str, function: str, name: str, pool: str, **options: Any) -> str:
    """Register a deployment whose process starts in the project. Gives `flow/name`."""
    client.create_deployment(
        flow_id=client.create_flow_from_name(flow),
        name=name,
        entrypoint=f"{FLOWS}.{function}",
        work_pool_name=pool,
        pull_steps=[HERE, *options.pop("pull_steps", [])],
        job_variables={"env": {**_pools_environment(pool), "PYTHONPATH": str(project_root())}},
        **options,
    )
    return f"{flow}/{name}"


def start(deployment: str, **parameters: Any) -> FlowRun:
    """Trigger it and wait for nothing."""
    return run_deployment(deployment, parameters=parameters, timeout=0, as_subflow=False)


def start_worker(stack: Stack, pool: str, log: Path) -> "subprocess.Popen[bytes]":
    """A worker of the pool, in this process' care."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--name", f"{pool}-{log.stem}"],
            cwd=project_root(),
            env={**stack.environment(), "PREFECT_API_URL": stack.api, "PREFECT_HOME": str(stack.state / "prefect")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def pid_of(stack: Stack, name: str) -> int:
    """Process id of what `hindsight up` started, such as `worker-h100`."""
    pid: int = json.loads((stack.state / "processes.json").read_text())[name][0]
    return pid


def kill_at_once(pids: Sequence[int]) -> int:
    """SIGKILL to each and to all it started, so that nobody is left to say anything. Gives how many died."""
    processes = [psutil.Process(pid) for pid in pids]
    for process in processes:
        process.suspend()
    trees = [each for process in processes for each in (process, *process.children(recursive=True))]
    for each in trees:
        each.kill()
    psutil.wait_procs(trees, timeout=30)
    return len(trees)


def _pools_environment(pool: str) -> dict[str, str]:
    template = json.loads((POOLS_DIR / f"{pool}.json").read_text())["base_job_template"]
    found: dict[str, str] = template["variables"]["properties"]["env"]["default"]
    return found
