"""Machines by SkyPilot's `sky`: most clouds, and marketplaces such as Vast.ai.

Read in the source of SkyPilot 0.14.1: `sky launch` with a cluster's name reuses a cluster of that name; `sky status -o
json` prints a list of clusters; `sky down` removes one and prints a hint for one that does not exist; with `autostop`
and `down` the cluster itself tears itself down once its job has ended, though nobody else is there.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tasks.rent.config import RentedPool
from tasks.rent.errors import NoOffer
from tasks.rent.providers.command_line import CommandLine, field_of, shell
from tasks.rent.providers.provider import Listed, Offer, Order, State

INSTALL = "`pip install skypilot` into an environment of its own, then `sky check`"
AUTODOWN_MINUTES = 1
"""From the end of the machine's command until it tears itself down."""
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

    def offers(self, pool: RentedPool) -> list[Offer]:
        where = ("--infra", pool.where) if pool.where else ()
        name, _, count = pool.offer.partition(":")
        listed = self.sky.run_json("gpus", "list", pool.offer, *where, "-o", "json", kind=dict)
        entries = [entry for gpu, found in listed.items() if gpu.lower() == name.lower() for entry in found]
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
            launch = ("launch", "--yes", "--detach-run", "--cluster", order.name, *secrets, str(file))
            self.sky.run(*launch, environment=order.secrets)

    def status(self) -> dict[str, Listed]:
        clusters = self.sky.run_json("status", "--refresh", "-o", "json", kind=list)
        command = "sky status"
        return {
            field_of(each, command, "name"): Listed(
                STATES.get(field_of(each, command, "status"), "starting"),
                datetime.fromtimestamp(field_of(each, command, "launched_at"), UTC),
            )
            for each in clusters
        }

    def stop(self, name: str) -> None:
        self.sky.run("down", "--yes", name)


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
