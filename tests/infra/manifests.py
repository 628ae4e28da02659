"""The Job that prefect-kubernetes itself makes for a run of each deployment of prefect.yaml, without a server."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from prefect.client.schemas import FlowRun
from prefect.client.schemas.objects import Flow, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration
from ruamel.yaml import YAML

from deployments.kubernetes.site import load_site
from deployments.kubernetes.template import work_pool
from tasks.common.settings import project_root

INFRA = project_root() / "infra" / "kubernetes"
SITE = load_site(INFRA / "pools.yaml")
API = "http://prefect-server.hindsight-server.svc:4200/api"


@cache
def read_all(file: Path) -> list[dict[str, Any]]:
    """The documents of a YAML file."""
    return [document for document in YAML(typ="safe", pure=True).load_all(file.read_text()) if document]


DEPLOYMENTS: dict[str, dict[str, Any]] = {
    f"{entry['entrypoint']}:{entry['name']}": entry
    for entry in read_all(project_root() / "prefect.yaml")[0]["deployments"]
}


def job_of(entry: dict[str, Any]) -> dict[str, Any]:
    """The Job of one run of a deployment, as the worker would send it to the cluster."""
    template = work_pool(entry["work_pool"]["name"], SITE)["base_job_template"]
    return job_from(template, entry)


def job_from(template: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """As `job_of`, from another base job template."""
    pool = entry["work_pool"]["name"]
    flow = Flow(id=uuid4(), name=entry["entrypoint"].rpartition(".")[2].replace("_", "-"), labels={})
    run = FlowRun(id=uuid4(), flow_id=flow.id, name=f"a long recipe's name: {entry['name']} (1/2)")
    deployment = DeploymentResponse(
        id=uuid4(), flow_id=flow.id, name=entry["name"], entrypoint=entry["entrypoint"], version=None
    )
    with temporary_settings(updates={PREFECT_API_URL: API}):
        made = asyncio.run(
            KubernetesWorkerJobConfiguration.from_template_and_values(
                base_job_template=template,
                values=entry.get("work_pool", {}).get("job_variables", {}),
                client=None,  # only blocks are asked for, and the templates name none
            )
        )
        made.prepare_for_flow_run(
            run,
            deployment=deployment,
            flow=flow,
            work_pool=WorkPool(id=uuid4(), name=pool, type="kubernetes", default_queue_id=uuid4()),
            worker_name=f"worker-{pool}",
        )
    job: dict[str, Any] = made.job_manifest
    return job
