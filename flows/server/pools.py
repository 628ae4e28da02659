"""Checks of the work pools on a cluster, before a stage that costs money is sent to one."""

from collections.abc import Collection
from functools import partial
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import WorkPool, WorkPoolStatus
from prefect.exceptions import ObjectNotFound

from flows.server.flow_runs import retry_on_outage
from tasks.common.errors import HindsightError
from tasks.costs.hardware import POOLS

KUBERNETES = "kubernetes"
GPU = "nvidia.com/gpu"


class BadPool(HindsightError):
    """A pool on a cluster cannot run what would be sent to it."""


def check_pools(names: Collection[str]) -> None:
    """Check that each pool on a cluster has a worker, and that its pods have the GPUs that recipes and prices assume.

    A pool of another type is not checked: its machine may be rented, and its worker started, when a stage waits for it.

    Args:
        names: Pools that would be used. One that the server does not have is named by its deployment's dispatch.

    Raises:
        BadPool: With every problem.
    """
    with get_client(sync_client=True) as client:

        def read(name: str) -> WorkPool | None:
            try:
                return client.read_work_pool(name)
            except ObjectNotFound:
                return None

        pools = [retry_on_outage(partial(read, name), name) for name in sorted(names)]
    problems = [problem for pool in pools if pool and pool.type == KUBERNETES for problem in _problems(pool)]
    if problems:
        raise BadPool(f"{' '.join(problems)} Nothing was started.")


def _problems(pool: WorkPool) -> list[str]:
    found = []
    n_gpus, expected = _n_gpus(pool.base_job_template), POOLS[pool.name].n_gpus if pool.name in POOLS else None
    if expected is not None and n_gpus is not None and n_gpus != expected:
        found.append(
            f"The pods of pool {pool.name} have {n_gpus} GPUs, and recipes and prices count {expected}; register the "
            "pool again by `python -m deployments.kubernetes`."
        )
    if pool.status is WorkPoolStatus.NOT_READY:
        found.append(
            f"Nobody serves pool {pool.name}: none of its workers is online; start one, such as the chart's release "
            f"worker-{pool.name} (docs/kubernetes.md)."
        )
    return found


def _n_gpus(template: dict[str, Any]) -> int | None:
    """GPUs that a template's first container may have; None if it leaves the number to a variable."""
    manifest = template.get("job_configuration", {}).get("job_manifest", {})
    containers = manifest.get("spec", {}).get("template", {}).get("spec", {}).get("containers") or [{}]
    limit = str((containers[0].get("resources") or {}).get("limits", {}).get(GPU, 0))
    return int(limit) if limit.isdecimal() else None
