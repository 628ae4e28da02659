"""Machines by SkyPilot's `sky`: most clouds, and marketplaces such as Vast.ai.

After SkyPilot 0.14.1, without an account (tests/rent/test_real_sky.py): `sky status` lists what this SkyPilot server
has launched, and an empty list with exit status 0 where it is signed out or never launched anything; `sky cost-report`
has the clusters that were terminated, too; `sky down` prints a hint for one that does not exist; the first command
prints that it starts a server before its answer. In its source: `sky launch` with a cluster's name reuses a cluster of
that name; with `autostop` and `down` the cluster tears itself down once its job has ended, though nobody else is there.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tasks.rent.config import RentedPool
from tasks.rent.errors import NoOffer, ProviderError
from tasks.rent.providers.command_line import CommandLine, field_of, shell
from tasks.rent.providers.provider import Listed, Offer, Order, State, unknown_machine

INSTALL = "`pip install skypilot` into an environment of its own, then `sky check`"
AUTODOWN_MINUTES = 1
"""From the end of the machine's command until it tears itself down."""
HISTORY_DAYS = 366
"""Longer than any lease."""
FREE = {"kubernetes", "ssh", "slurm"}
"""Own clusters, which have no price."""
STATES: dict[str, State] = {"UP": "running", "AUTOSTOPPING": "stopping"}
"""Every other state may cost: a cluster in INIT may be live, a stopped one has its disk."""


class SkyPilot:
    """Rents clusters of one node.

    Args:
        dry_run: Run nothing.
    """

    def __init__(self, dry_run: bool = False) -> None:
        self.sky = CommandLine("sky", INSTALL, dry_run)
        self.commands = self.sky.commands
        self._launched: set[str] = set()

    def offers(self, pool: RentedPool) -> list[Offer]:
        clouds, own = self._clouds(), pool.where.partition("/")[0].lower()
        if own not in ("", "*", *clouds) and not self.sky.dry_run:
            raise ProviderError(
                f"sky is not signed in to {own}, but to {', '.join(clouds)}: `sky check {own}` says what is missing."
            )
        # Without a cloud, sky reads the catalogues of all, also of those that are not enabled.
        wanted = clouds if own in ("", "*") and not self.sky.dry_run else [pool.where or "CLOUD"]
        name, _, count = pool.offer.partition(":")
        entries = [
            entry
            for where in wanted
            for gpu, found in self._gpus(pool.offer, where).items()
            if gpu.lower() == name.lower()
            for entry in found
        ]
        offers = [
            Offer(pool.offer, float(entry["price"]), "/".join(filter(None, (entry["cloud"].lower(), entry["region"]))))
            for entry in entries
            if _is_offer(entry, float(count or 1))
        ]
        return sorted(offers, key=lambda offer: offer.dollars_per_hour)

    def start(self, order: Order) -> None:
        if not order.offer.where and not self.sky.dry_run:
            raise NoOffer(f"offer {order.offer} names no cloud; look at `hindsight rent offers`.")
        listed = self.status().get(order.name)
        if listed and listed.state == "running":
            return  # another launch would run its command a second time
        secrets = [argument for name in sorted(order.secrets) for argument in ("--secret", name)]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "task.yaml"
            YAML().dump(task_of(order), file)
            if self.sky.dry_run:
                self.commands.append(file.read_text(encoding="utf-8").rstrip())
            self._launched.add(order.name)
            launch = ("launch", "--yes", "--detach-run", "--cluster", order.name, *secrets, str(file))
            self.sky.run(*launch, environment=order.secrets)

    def status(self) -> dict[str, Listed]:
        clusters = self.sky.run_json("status", "--refresh", "--all-users", "-o", "json", kind=list)
        command = "sky status"
        if not clusters:
            self._clouds()
        return {
            field_of(each, command, "name"): Listed(
                STATES.get(field_of(each, command, "status"), "starting"),
                datetime.fromtimestamp(field_of(each, command, "launched_at"), UTC),
            )
            for each in clusters
        }

    def has_ended(self, name: str, provider_id: str) -> bool:
        if name in self.status():
            return False
        history = self.sky.run_json("cost-report", "--all", "--days", str(HISTORY_DAYS), "-o", "json", kind=list)
        states = [field_of(each, "sky cost-report", "status") for each in history if each.get("name") == name]
        if not states and name not in self._launched:
            raise unknown_machine(
                name,
                "this SkyPilot server never had a cluster of this name, so that another one rented it "
                "(SKYPILOT_API_SERVER_ENDPOINT) or its database is lost",
            )
        return all(state == "TERMINATED" for state in states)

    def stop(self, name: str, provider_id: str = "") -> None:
        self.sky.run("down", "--yes", name)

    def _gpus(self, offer: str, where: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sky.run_json("gpus", "list", offer, "--infra", where, "-o", "json", kind=dict)
        return found

    def _clouds(self) -> list[str]:
        """The clouds that machines can be rented in. There is one, or sky is signed out and its lists say nothing."""
        checked = self.sky.run_json("check", "-o", "json", kind=dict)
        found = {
            cloud.lower() for clouds in checked.values() for cloud, able in clouds.items() if "compute" in able
        } - FREE
        if not found and not self.sky.dry_run:
            raise ProviderError(f"sky is not signed in to any cloud that rents machines: {INSTALL}.")
        return sorted(found)


def task_of(order: Order) -> dict[str, Any]:
    """The task that `sky launch` gets; secrets are named on its command line and have their values from there."""
    return {
        "name": order.name,
        "resources": {
            "infra": order.offer.where,
            "accelerators": order.pool.offer,
            "image_id": f"docker:{order.pool.image}",
            "use_spot": False,
            "autostop": {"idle_minutes": AUTODOWN_MINUTES, "down": True},
        },
        "envs": dict(order.environment),
        "run": shell(order.command, order.pool.folder),
    }


def _is_offer(entry: dict[str, Any], count: float) -> bool:
    price = entry.get("price")
    return isinstance(price, int | float) and price > 0 and float(entry.get("accelerator_count") or 0) == count
