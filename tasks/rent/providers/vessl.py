"""Machines by VESSL Cloud's `vesslctl`: batch jobs, whose machine ends with their command.

After its documentation and public recipes (`vesslctl job create | list | terminate`, `resource-spec list`, each with
`-o json`); not run against an account. `job create` prints no id, so that a job is found by its name. `auth status`
ends with 0 also when signed out, so that it is not asked.
"""

from datetime import datetime
from typing import Any

from tasks.rent.config import RentedPool
from tasks.rent.errors import ProviderError
from tasks.rent.providers.command_line import CommandLine, field_of, shell
from tasks.rent.providers.provider import Listed, Offer, Order, State

INSTALL = "docs.cloud.vessl.ai has its installer; then `vesslctl auth login`"
ENDED = ("succeeded", "failed", "terminated", "cancelled", "canceled")
RUNNING = ("running", "idle")
MICRO = 1_000_000
"""Prices are in millionths of a credit, which is a dollar."""


class Vessl:
    """Rents machines as batch jobs.

    Args:
        dry_run: Run nothing.
    """

    def __init__(self, dry_run: bool = False) -> None:
        self.vesslctl = CommandLine("vesslctl", INSTALL, dry_run)
        self.commands = self.vesslctl.commands

    def offers(self, pool: RentedPool) -> list[Offer]:
        specs = self.vesslctl.run_json("resource-spec", "list", "--usable-only", "-o", "json", kind=list)
        return [
            Offer(pool.offer, float(field_of(each, "resource-spec list", "hourlyCostInMicrocredit")) / MICRO)
            for each in specs
            if field_of(each, "resource-spec list", "slug") == pool.offer and each.get("isUsable", True)
        ]

    def start(self, order: Order) -> None:
        if order.name in self.status():
            return
        self.vesslctl.run(
            *("job", "create", "--name", order.name, "--resource-spec", order.offer.name),
            *(word for name, value in sorted(order.environment.items()) for word in ("--env", f"{name}={value}")),
            *(word for name in sorted(order.secrets) for word in ("--secret", f"{name}={name}")),
            *("--image", order.pool.image, "--tag", "hindsight", "--cmd", shell(order.command, order.pool.folder)),
        )

    def status(self) -> dict[str, Listed]:
        return {
            field_of(job, "job list", "name"): Listed(_state(job), _since(job))
            for job in self._jobs()
            if _says(job) not in ENDED
        }

    def stop(self, name: str) -> None:
        for job in self._jobs():
            if field_of(job, "job list", "name") == name and _says(job) not in ENDED:
                self.vesslctl.run("job", "terminate", field_of(job, "job list", "slug"))

    def _jobs(self) -> list[Any]:
        """All jobs. None at all count only if the account answers: signed out there would be none, too."""
        jobs: list[Any] = self.vesslctl.run_json("job", "list", "-o", "json", kind=list)
        if jobs or self.vesslctl.dry_run:
            return jobs
        if not self.vesslctl.run_json("org", "list", "-o", "json", kind=list):
            raise ProviderError(f"vesslctl lists no jobs and no organization: it is not signed in. {INSTALL}.")
        return jobs


def _says(job: Any) -> str:
    return str(field_of(job, "job list", "workloadState", "status", "state")).lower()


def _state(job: Any) -> State:
    said = _says(job)
    return "running" if said in RUNNING else "stopping" if said.startswith("terminating") else "starting"


def _since(job: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(job.get("createdDt")))
    except ValueError:
        return None
    return found if found.tzinfo else None
