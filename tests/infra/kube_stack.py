"""A real Prefect server, real Kubernetes workers with their observers, and a pretended cluster they work on."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments import local
from deployments.address import Address
from deployments.automations import register_automations
from deployments.kubernetes.site import SecretKey
from deployments.processes import end_all
from tasks.common.settings import project_root
from tests.infra.kubernetes_api import NAMESPACE, Cluster, cluster
from tests.infra.manifests import INFRA, SITE, read_all
from tests.s3_server import free_port
from tests.waiting import GENEROUS_SECONDS

SECRET = "of-the-cluster-4f1c"
PATIENT = {"hindsight: silent, second look": float(GENEROUS_SECONDS)}
"""Where no run is lost: on a machine with much other work heartbeats come late, which the server takes for a loss."""


@dataclass(frozen=True)
class KubeStack:
    """What runs.

    Args:
        cluster: The pretended one.
        api: The server's.
        store: The store's folder, which all pods see.
        folder: Logs of the workers.
        environment: Of clients.
    """

    cluster: Cluster
    api: str
    store: Path
    folder: Path
    environment: Mapping[str, str]

    @contextmanager
    def worker(self, pool: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A worker of a pool, with its observer, until the block ends."""
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "kubernetes"]
        environment = {
            **self.environment,
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES": NAMESPACE,
            **{
                each["name"]: each["value"]
                for each in read_all(INFRA / "worker-values.yaml")[0]["worker"]["extraEnvVars"]
            },
        }
        # As a background shell would have it, the worker would survive SIGTERM.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with (self.folder / f"worker-{pool}.log").open("ab") as output:
            process = subprocess.Popen(
                command, env=environment, cwd=self.folder, stdout=output, stderr=output, start_new_session=True
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def command(self, *arguments: str) -> str:
        """Run a command of the project or of Prefect as a client, and give what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            env=self.environment,
            cwd=project_root(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def kube_stack(folder: Path, pools: Sequence[str], within: Mapping[str, float]) -> Iterator[KubeStack]:
    """Server, pools, automations, one worker per pool, and a cluster, until the block ends.

    Args:
        folder: For all files.
        pools: Those with a worker; all are registered.
        within: Seconds of automations, instead of the file's.
    """
    store = folder / "store"
    secret = SecretKey(name="hindsight-test", key="word")
    site = SITE.model_copy(
        update={
            "environment": {"HINDSIGHT_STORE": str(store), "HINDSIGHT_PROVIDER": "own"},
            "secrets": {"HINDSIGHT_TEST_SECRET": secret},
        }
    )
    (folder / "pools.yaml").write_text(site.model_dump_json())
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in [name for name in os.environ if name.startswith(("HINDSIGHT_", "PREFECT_", "TMPDIR"))]:
            patch.delenv(name)
        patch.setenv("HINDSIGHT_STATE", str(folder / "state"))
        patch.setenv("HINDSIGHT_STORE", str(store))
        # How fast a machine is decides no test.
        patch.setattr(local, "SERVER_START_SECONDS", GENEROUS_SECONDS)
        address = Address(free_port())
        environment = local._environment(address)
        stack.callback(end_all)
        local._start_server(address, environment)
        stack.enter_context(temporary_settings(updates={PREFECT_API_URL: address.api}))
        made = stack.enter_context(cluster(folder / "cluster", {(secret.name, secret.key): SECRET}))
        running = KubeStack(made, address.api, store, folder, environment)
        running.command("deployments.kubernetes", str(folder / "pools.yaml"))
        register_automations(within=within)
        for pool in pools:
            stack.enter_context(running.worker(pool))
        yield running


def states(run_id: object) -> list[str]:
    """Names of a run's states in their order."""
    with get_client(sync_client=True) as client:
        found = client.read_flow_run_states(run_id)
    return [state.name for state in sorted(found, key=lambda state: state.timestamp)]


def template_environment(pool: str) -> dict[str, str]:
    """The environment that a pool's template gives its pods, as the server has it; a deployment's replaces it whole."""
    with get_client(sync_client=True) as client:
        found = client.read_work_pool(pool).base_job_template
    environment: dict[str, str] = found["variables"]["properties"]["env"]["default"]
    return json.loads(json.dumps(environment))
