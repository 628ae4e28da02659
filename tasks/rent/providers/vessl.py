"""Machines by VESSL Cloud's `vesslctl`: batch jobs, whose machine ends with their command.

After its documentation and public recipes (`vesslctl job create | list | show | terminate`, `resource-spec list`, each
with `-o json`); not run against an account, and its source is not public. `job create` prints no id, so that a job is
found by its name. Whether `job list` is cut into pages is not known: that it lacks a job says nothing, and a job's own
`job show` is asked. `auth status` ends with 0 also when signed out, so that it is not asked.
"""

from datetime import datetime
from typing import Any

from tasks.rent.config import RentedPool
from tasks.rent.errors import ProviderError
from tasks.rent.providers.command_line import CommandLine, field_of, shell
from tasks.rent.providers.provider import Listed, Offer, Order, State, unknown_machine

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
        self._created: set[str] = set()

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
        self._created.add(order.name)
        self.vesslctl.run(
            *("job", "create", "--name", order.name, "--resource-spec", order.offer.name),
            *(word for name, value in sorted(order.environment.items()) for word in ("--env", f"{name}={value}")),
            *(word for name in sorted(order.secrets) for word in ("--secret", f"{name}={name}")),
            *("--image", order.pool.image, "--tag", "hindsight", "--cmd", shell(order.command, order.pool.folder)),
        )

    def status(self) -> dict[str, Listed]:
        return {
            field_of(job, "job list", "name"): Listed(_state(job), _since(job), field_of(job, "job list", "slug"))
            for job in self._jobs()
            if _says(job) not in ENDED
        }

    def has_ended(self, name: str, provider_id: str) -> bool:
        if states := self._states(name, provider_id):
            return all(state in ENDED for state in states.values())
        if name not in self._created:
            raise unknown_machine(name, "`vesslctl job list` lists no job of this name, and may leave one out")
        # Its creation failed here and now: a new job is in the list, or no recipe could find its own.
        return True

    def stop(self, name: str, provider_id: str = "") -> None:
        for slug, state in self._states(name, provider_id).items():
            if state not in ENDED:
                self.vesslctl.run("job", "terminate", slug)

    def _states(self, name: str, provider_id: str) -> dict[str, str]:
        """State by slug of the jobs of a name, and of the one with this slug whether it is listed or not."""
        jobs = [job for job in self._jobs() if field_of(job, "job list", "name") == name]
        found = {field_of(job, "job list", "slug"): _says(job) for job in jobs}
        if provider_id and provider_id not in found:
            job = self.vesslctl.run_json("job", "show", provider_id, "-o", "json", kind=dict)
            found[provider_id] = "" if self.vesslctl.dry_run else _says(job, "job show")
        return found

    def _jobs(self) -> list[Any]:
        """The listed jobs. None at all count only if the account answers: signed out there would be none, too."""
        jobs: list[Any] = self.vesslctl.run_json("job", "list", "-o", "json", kind=list)
        if jobs or self.vesslctl.dry_run:
            return jobs
        if not self.vesslctl.run_json("org", "list", "-o", "json", kind=list):
            raise ProviderError(f"vesslctl lists no jobs and no organization: it is not signed in. {INSTALL}.")
        return jobs


def _says(job: Any, command: str = "job list") -> str:
    return str(field_of(job, command, "workloadState", "status", "state")).lower()


def _state(job: Any) -> State:
    said = _says(job)
    return "running" if said in RUNNING else "stopping" if said.startswith("terminating") else "starting"


def _since(job: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(job.get("createdDt")))
    except ValueError:
        return None
    return found if found.tzinfo else None
