"""Runs a month and prints its table; what was found and what happened go to `.hindsight/bench/month.json`."""

import argparse
import dataclasses
import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deployments.local import as_client
from tasks.common.settings import state_dir
from tests.month import __doc__ as about
from tests.month.plan import Month
from tests.s3_server import free_port

FOREIGN = ("HINDSIGHT_", "PREFECT_", "AWS_")
ENVIRONMENT = {
    # Trainings have the price of a rented machine.
    "HINDSIGHT_PROVIDER": "vessl",
    # Hours are seconds here: a worker that asked every fifteen would leave machines idle for days.
    "PREFECT_WORKER_QUERY_SECONDS": "5",
    # As the pools' job templates say.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_CLIENT_MAX_RETRIES": "10",
    # The lines of 3,000 flows that sleep say nothing.
    "PREFECT_LOGGING_LEVEL": "WARNING",
}


def run(month: Month, folder: Path) -> dict[str, Any]:
    """Run a month and gather what is kept of it.

    Args:
        month: The plan.
        folder: Of everything that it runs on.
    """
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ.update({**ENVIRONMENT, "HINDSIGHT_STATE": str(folder / "state"), "HINDSIGHT_PORT": str(free_port())})
    started = time.monotonic()
    with as_client():
        # Prefect reads the environment when it is imported.
        from tests.month.month import run_month

        outcome, happened = run_month(month, folder)
    return {
        "month": dataclasses.asdict(month),
        "outcome": outcome.as_json(),
        "happened": happened,
        "seconds": round(time.monotonic() - started, 1),
        "load_average": os.getloadavg()[0],
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "prefect": version("prefect"),
    }


def table(kept: Mapping[str, Any]) -> str:
    """What was found, as Markdown."""
    month, found, cost = kept["month"], kept["outcome"], kept["outcome"]["cost"]
    hour = month["hour_seconds"]
    kinds = Counter(fault["kind"] for fault in kept["happened"])
    n_hits = sum(bool(fault.get("processes")) for fault in kept["happened"] if fault["kind"] == "interruption")
    n_bytes = sum(fault.get("bytes", 0) for fault in kept["happened"])
    unnoticed = cost["unnoticed_seconds"]
    rows = {
        "simulated": f"{month['n_days']:g} days, an hour in {hour:g} s; {kept['seconds'] / 60:.0f} minutes in all",
        "scheduled flows": f"{found['n_flows']:,}",
        "trainings": f"{found['n_trainings']} of {month['training_hours']:g} h on {month['n_machines']} machines",
        "interruptions": f"{kinds['interruption']}, of which {n_hits} met a run",
        "machines lost with their worker": kinds["machine lost"],
        "store outages; server restarts": f"{kinds['store outage']}; {kinds['server restart']}",
        "full disks": f"{kinds['full disk']}, {n_bytes / 1e6:.0f} MB of ballast",
        "lost": _names(found["missing"] + found["failed"]),
        "run twice": _names(found["twice"]),
        "ended for no known reason": _names(found["unexplained"]),
        "slots, leases and runs left": _names(found["held"]),
        "attempts at trainings": f"{found['n_attempts']}: {found['n_killed']} killed, {found['n_failed']} failed, "
        f"{found['n_resumed']} went on from a state",
        "retried by a person": found["n_asked_again"],
        "machine hours: ideal": f"{cost['ideal_seconds'] / hour:,.1f}",
        "lost since the last state": f"{cost['lost_seconds'] / hour:,.1f}",
        "of a dead machine until it was missed": f"{unnoticed / hour:,.1f} ({unnoticed:.0f} s)",
        "billed": f"{cost['billed_seconds'] / hour:,.1f}",
        "billed beyond these three": f"{found['overhead']:+.1%}",
        "dollars billed": f"{cost['billed_dollars'] * 3_600 / hour:,.0f}",
    }
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())])


def _names(found: list[str]) -> str:
    return ("; ".join(found[:10]) + f"; {len(found) - 10} more" * (len(found) > 10)) or "none"


def main() -> int:
    """Take each field of the plan from the command line; 1 if a law does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.month", description=about)
    for field in dataclasses.fields(Month):
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, type=type(field.default), default=field.default, help=f"{field.default}")
    month = Month(**vars(parser.parse_args()))
    file = state_dir().absolute() / "bench" / "month.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hindsight-month-") as folder:
        kept = run(month, Path(folder))
    file.write_text(json.dumps(kept, indent=1) + "\n")
    print(table(kept))
    print(f"written to {file}")
    for law in kept["outcome"]["broken_laws"]:
        print(f"does not hold: {law}")
    return 1 if kept["outcome"]["broken_laws"] else 0


if __name__ == "__main__":
    sys.exit(main())
