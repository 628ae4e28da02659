"""Runs a month and prints its table; findings and events go to `.hindsight/bench/month.json`."""

import argparse
import dataclasses
import json
import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from tasks.common.settings import state_dir
from tests.month import __doc__ as about
from tests.month.findings import Outcome, as_json
from tests.month.month import run_month
from tests.month.plan import Month


def table(month: Month, outcome: Outcome, n_events: int, seconds: float) -> str:
    """As Markdown."""
    scale = f"{month.n_days:g} days, an hour in {month.hour_seconds:g} s; {n_events} events; {seconds / 60:.0f} minutes"
    rows = [("month", scale), *outcome.rows()]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    """Take each field of the plan from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.month", description=about)
    for field in dataclasses.fields(Month):
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, type=type(field.default), default=field.default, help=f"{field.default}")
    month = Month(**vars(parser.parse_args()))
    started = time.monotonic()
    file = state_dir() / "bench" / "month.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hindsight-month-") as folder:
        outcome, events = run_month(month, Path(folder))
    kept = {
        "month": dataclasses.asdict(month),
        "outcome": as_json(outcome),
        "events": events,
        "seconds": round(time.monotonic() - started, 1),
        "load_average": os.getloadavg()[0],
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "prefect": version("prefect"),
    }
    file.write_text(json.dumps(kept, indent=1) + "\n")
    print(table(month, outcome, len(events), time.monotonic() - started))
    print(f"written to {file}")


if __name__ == "__main__":
    main()
