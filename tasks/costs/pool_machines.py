"""What a cluster says of its pools' machines, so that preflight, in a pod of another pool, can check them."""

import os
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from tasks.common.errors import BadEnvironment
from tasks.common.settings import Config

VARIABLE = "HINDSIGHT_POOL_MACHINES"
"""JSON by pool; set by the base job templates of Kubernetes pools."""


class PoolMachine(Config):
    """One pool's machine, where its pool knows it before it exists."""

    disk_gb: Annotated[float, Field(gt=0)]
    """Size of the volume that a run writes to, in 10^9 bytes."""
    packages: dict[str, str] | None = None
    """Trainer's packages of the pool's image, version by name; None if nobody listed them."""


MACHINES = TypeAdapter(dict[str, PoolMachine])


def pool_machine(pool: str) -> PoolMachine | None:
    """The pool's machine; None where the environment does not describe it.

    Raises:
        BadEnvironment: If the variable is not what the templates write.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        return MACHINES.validate_json(text).get(pool)
    except ValidationError as error:
        raise BadEnvironment(
            f"{VARIABLE}={text!r} does not describe the pools' machines ({error.errors()[0]['msg']}); register the "
            "pools again by `python -m deployments.kubernetes`."
        ) from error


def as_variable(machines: dict[str, PoolMachine]) -> str:
    """The variable's value."""
    return MACHINES.dump_json(machines, exclude_none=True).decode()
