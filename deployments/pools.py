"""Registers the work pools of deployments/pools/*.json: `python -m deployments.pools`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

from tasks.common.errors import HindsightError

POOLS_DIR = Path(__file__).with_name("pools")


class OtherPoolType(HindsightError):
    """The server has a pool of this name whose workers start runs in another way."""


def pool_files() -> list[Path]:
    """One file per pool."""
    return sorted(POOLS_DIR.glob("*.json"))


def register_pools() -> list[str]:
    """Create each pool, or update it to its file. Returns their names."""
    return [register(json.loads(file.read_text())) for file in pool_files()]


def register(content: Mapping[str, Any]) -> str:
    """Create a pool, or update it. Returns its name.

    Args:
        content: As Prefect's API takes it.

    Raises:
        OtherPoolType: If it exists with another type, which Prefect cannot change.
    """
    wanted = WorkPoolCreate.model_validate(content)
    with get_client(sync_client=True) as client:
        try:
            present = client.read_work_pool(wanted.name)
        except ObjectNotFound:
            client.create_work_pool(wanted)
            return wanted.name
        if present.type != wanted.type:
            raise OtherPoolType(
                f"pool {wanted.name} is of type {present.type} on this server, not {wanted.type}, and Prefect cannot "
                f"change a pool's type. Use another server, or end its runs, delete the pool by `prefect work-pool "
                f"delete {wanted.name}`, register it and deploy again."
            )
        update = wanted.model_dump(include={"description", "concurrency_limit", "base_job_template"})
        client.update_work_pool(wanted.name, WorkPoolUpdate(**update))
    return wanted.name


if __name__ == "__main__":
    print(f"pools: {', '.join(register_pools())}")
