"""What orchestration costs: five empty stages from trigger to end, Prefect alone and ours, on one server.

`python -m tests.bench.overhead [--rounds 3] [--database postgresql|sqlite]` starts a server of its own on PostgreSQL
(on SQLite where there is none, which is said), with the project's workers, and triggers three parents in turn, the
order reversed from round to round: `plain` calls Prefect's `run_deployment` five times on flows that do nothing;
`dispatched` sends five stages that publish a few bytes to another pool; `here` runs the same in its own process, as a
parent runs the stages of its own pool. CPU seconds are those of server, workers and all runs.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path

import psutil
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.common.settings import state_dir
from tests.bench.empty_stages import N_STAGES, dispatched, empty_stage, here, plain, plain_empty
from tests.flows.stage_runs import finished, lines_of
from tests.local_stack import Stack, deploy, local_stack, process_ids
from tests.postgres import ABSENT, postgres_where_possible, programs

WAYS = {"plain": plain, "dispatched": dispatched, "here": here}
Round = dict[str, dict[str, float]]


@contextmanager
def serving(database: str) -> Iterator[Stack]:
    """A server with workers, and this process as its client."""
    with (
        tempfile.TemporaryDirectory(prefix="hindsight-overhead-") as name,
        nullcontext({}) if database == "sqlite" else postgres_where_possible() as environment,
        local_stack(Path(name), environment) as stack,
        temporary_settings(updates={PREFECT_API_URL: stack.api}),
    ):
        for child in (plain_empty, empty_stage):
            deploy(child, "h100", pool="h100")
        for parent in WAYS.values():
            deploy(parent, "bench")
        # What only a first run pays (bytecode, the disk's and the database's caches) is no way's own.
        measure(stack, "here", number=-1)
        yield stack


def cpu_seconds(stack: Stack) -> float:
    """What server and workers have used so far, and every process of a run that has ended."""
    times = [psutil.Process(pid).cpu_times() for pid in process_ids(stack).values()]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


def measure(stack: Stack, way: str, number: int) -> dict[str, float]:
    """Trigger a parent, wait for its end. Seconds by the server's own clock, so that no polling is in them."""
    before = cpu_seconds(stack)
    # A name of its own: no way may find another's artifacts.
    parameters = {"round": f"{way}-{number}"}
    run = finished(run_deployment(f"{way}/bench", parameters=parameters, timeout=0, as_subflow=False), seconds=900)
    if run.state_name != "Completed":
        raise SystemExit(f"{way} ended {run.state_name}: {lines_of(run)[-3:]}; its times cannot be compared.")
    # The worker reaps a run's processes a moment after the run's last state.
    time.sleep(2)
    return {
        "seconds": round((run.end_time - run.created).total_seconds(), 2),
        "cpu_seconds": round(cpu_seconds(stack) - before, 2),
        "until_parent_began": round((run.start_time - run.created).total_seconds(), 2),
    }


def summary(rounds: list[Round], database: str, load: float) -> dict[str, object]:
    """What `overhead.json` holds."""
    median = {
        way: {name: round(statistics.median(each[way][name] for each in rounds), 2) for name in rounds[0][way]}
        for way in WAYS
    }
    return {
        "seconds": median["here"]["seconds"],
        "dispatched_seconds": median["dispatched"]["seconds"],
        "plain_seconds": median["plain"]["seconds"],
        "ratio": round(median["here"]["seconds"] / median["plain"]["seconds"], 2),
        "dispatched_ratio": round(median["dispatched"]["seconds"] / median["plain"]["seconds"], 2),
        "median": median,
        "database": database,
        "n_stages": N_STAGES,
        "n_rounds": len(rounds),
        "load_average_before": load,
        "server_settings": "prefect.toml",
        "versions": {"prefect": version("prefect")},
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "rounds": rounds,
    }


def print_table(kept: dict[str, object], rounds: list[Round]) -> None:
    """Medians, spread and CPU seconds by way."""
    print(f"{N_STAGES} empty stages on {kept['database']}, medians of {len(rounds)} rounds, {kept['machine']}")
    print(f"{'way':<11} {'seconds':>8} {'least':>7} {'most':>7} {'CPU s':>7} {'of plain':>9}")
    for way, median in kept["median"].items():
        found = [each[way]["seconds"] for each in rounds]
        share = median["seconds"] / kept["plain_seconds"]
        print(
            f"{way:<11} {median['seconds']:>8.1f} {min(found):>7.1f} {max(found):>7.1f} {median['cpu_seconds']:>7.1f} "
            f"{share:>9.2f}"
        )


def main() -> None:
    """Measure, print the table, keep it in `.hindsight/bench/overhead.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all ways")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), help="PostgreSQL where the machine has it")
    asked = parser.parse_args()
    database = "sqlite" if asked.database == "sqlite" or not programs() else "postgresql"
    if database != (asked.database or "postgresql"):
        print(f"{ABSENT}. Measured on SQLite, which is slower.")
    load = round(os.getloadavg()[0], 1)
    if load > 1:
        print(f"load average {load}: other programs run, and these seconds are theirs too.")
    rounds: list[Round] = []
    with serving(database) as stack:
        for number in range(asked.rounds):
            order = list(WAYS)[:: -1 if number % 2 else 1]
            rounds.append({way: measure(stack, way, number) for way in order})
            print(json.dumps(rounds[-1]), flush=True)
    kept = summary(rounds, database, load)
    file = state_dir() / "bench" / "overhead.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=1) + "\n")
    print_table(kept, rounds)
    print(f"kept in {file}")


if __name__ == "__main__":
    main()
