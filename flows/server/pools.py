"""Work pools as the server sees them."""

from collections.abc import Iterable

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import WorkPoolStatus
from prefect.exceptions import ObjectNotFound


def why_unserved(pool: str) -> str | None:
    """Why no worker would take a run of a pool now; None where one would."""
    with get_client(sync_client=True) as client:
        try:
            found = client.read_work_pool(pool)
        except ObjectNotFound:
            return f"pool {pool} is unknown to the server; register it: `python -m deployments.pools`"
    if found.is_paused:
        return f"pool {pool} is paused; resume it: `prefect work-pool resume {pool}`"
    if found.status == WorkPoolStatus.NOT_READY:
        return f"pool {pool} has no worker; start one on its machine: `prefect worker start --pool {pool}`"
    return None


def unserved(pools: Iterable[str]) -> list[str]:
    """A sentence for each pool that no worker serves."""
    return [reason for pool in sorted(set(pools)) if (reason := why_unserved(pool))]
