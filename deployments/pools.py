"""Registers the work pools of deployments/pools/*.json: `python -m deployments.pools`."""

import json
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

POOLS_DIR = Path(__file__).with_name("pools")


def pool_files() -> list[Path]:
    """One file per pool."""
    return sorted(POOLS_DIR.glob("*.json"))


def register_pools() -> list[str]:
    """Create each pool, or update it to its file. Returns their names."""
    with get_client(sync_client=True) as client:
        return [_register(client, file) for file in pool_files()]


def _register(client: SyncPrefectClient, file: Path) -> str:
    pool = WorkPoolCreate.model_validate(json.loads(file.read_text()))
    try:
        client.read_work_pool(pool.name)
    except ObjectNotFound:
        client.create_work_pool(pool)
    else:
        update = pool.model_dump(include={"description", "concurrency_limit", "base_job_template"})
        client.update_work_pool(pool.name, WorkPoolUpdate(**update))
    return pool.name


if __name__ == "__main__":
    print(f"pools: {', '.join(register_pools())}")
