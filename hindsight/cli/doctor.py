"""`hindsight doctor`: what this machine has, and whether it is what a pool and its recipes need."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deployments.address import Address, server_answers
from hindsight.cli.output import print_table
from tasks.common.errors import HindsightError
from tasks.costs.hardware import POOLS, current_pool

if TYPE_CHECKING:
    from tasks.doctor.reach import ServerAccess

UNFIT = 1


class UnknownPool(HindsightError):
    """A name that is no pool's."""


def doctor(
    *,
    pool: str | None = None,
    recipe: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Look at this machine: GPUs, driver, torch, kernels, memory, disk, shared memory, store, server and clocks.

    Exits with 0 if all that is needed is there, and with 1 if something is missing: a sentence per thing is on stderr.

    Args:
        pool: Hold it against this pool's machine and recipes: cpu, h100 or h100x8. By default HINDSIGHT_POOL's, else
            none.
        recipe: Look only at what this recipe needs; a recipe of the project, such as smoke, or a YAML file.
        json: Print facts and checks as JSON.
    """
    pool = pool or current_pool()
    if pool is not None and pool not in POOLS:
        raise UnknownPool(f"pool {pool!r} is unknown; it is one of {', '.join(POOLS)}.")
    from flows.pipelines.machine_needs import needs_of
    from tasks.doctor.diagnosis import diagnose

    found = diagnose(needs_of(pool, recipe), _server())
    if json:
        print(found.model_dump_json(indent=1))
    else:
        print_table([{name: row[name] for name in ("", "check", "found", "needed")} for row in found.rows()])
    for sentence in found.sentences():
        print(f"hindsight: {sentence}", file=sys.stderr)
    return UNFIT if found.failed else 0


def _server() -> "ServerAccess":
    """The server that PREFECT_API_URL names, or else the local one, if it runs."""
    from flows.doctor import named_server
    from tasks.doctor.reach import ServerAccess

    named, address = named_server(), Address.from_environment()
    if named.api or not server_answers(address):
        return named
    return ServerAccess(address.api, address.auth)
