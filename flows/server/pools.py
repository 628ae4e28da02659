"""Work pools as the server has them, before a stage that costs money is sent to one."""

from collections.abc import Collection
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


def check_pools(names: Collection[str]) -> list[str]:
    """Check that each pool can run what would be sent to it.

    Args:
        names: Pools that would be used.

    Returns:
        A sentence for each pool that no worker serves and that is not on a cluster: its machine may be rented, and its
        worker started, when a stage waits for it.

    Raises:
        BadPool: If a pool on a cluster has no worker, or pods without the GPUs that recipes and prices assume.
    """
    refused: list[str] = []
    unserved: list[str] = []
    for name in sorted(set(names)):
        pool = _read(name)
        reason = why_unserved(name, pool)
        if pool is not None and pool.type == KUBERNETES:
            refused += filter(None, (reason, gpu_problem(pool)))
        elif reason:
            unserved.append(reason)
    if refused:
        raise BadPool(f"{' '.join(f'{reason}.' for reason in refused)} Nothing was started.")
    return unserved


def _read(name: str) -> WorkPool | None:
    with get_client(sync_client=True) as client:

        def read() -> WorkPool | None:
            try:
                return client.read_work_pool(name)
            except ObjectNotFound:
                return None

        return retry_on_outage(read, name)


def why_unserved(name: str, pool: WorkPool | None) -> str | None:
    """Why no worker would take a run of a pool now; None where one would.

    Args:
        name: Of the pool.
        pool: As the server has it; None if it has none of this name.
    """
    if pool is None:
        return f"pool {name} is unknown to the server; register it: `python -m deployments.pools`"
    if pool.is_paused:
        return f"pool {name} is paused; resume it: `prefect work-pool resume {name}`"
    if pool.status == WorkPoolStatus.NOT_READY and pool.type == KUBERNETES:
        return (
            f"pool {name} has no worker online; start one, such as the chart's release worker-{name} "
            "(docs/kubernetes.md)"
        )
    if pool.status == WorkPoolStatus.NOT_READY:
        return f"pool {name} has no worker; start one on its machine: `prefect worker start --pool {name}`"
    return None


def gpu_problem(pool: WorkPool) -> str | None:
    """Where a pool's pods have other GPUs than recipes and prices count; None where they have those, or may."""
    n_gpus, expected = _n_gpus(pool.base_job_template), POOLS[pool.name].n_gpus if pool.name in POOLS else None
    if expected is None or n_gpus is None or n_gpus == expected:
        return None
    return (
        f"the pods of pool {pool.name} have {n_gpus} GPUs, and recipes and prices count {expected}; register the pool "
        "again by `python -m deployments.kubernetes`"
    )


def _n_gpus(template: dict[str, Any]) -> int | None:
    """GPUs that a template's first container may have; None if it leaves the number to a variable."""
    manifest = template.get("job_configuration", {}).get("job_manifest", {})
    containers = manifest.get("spec", {}).get("template", {}).get("spec", {}).get("containers") or [{}]
    limit = str((containers[0].get("resources") or {}).get("limits", {}).get(GPU, 0))
    return int(limit) if limit.isdecimal() else None
