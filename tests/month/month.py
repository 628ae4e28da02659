"""The driver of a month: starts server, workers and store, asks for work, lets things go wrong, looks at the end."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Scheduled

from tasks.common.settings import project_root
from tasks.store.catalogue import record_paths
from tasks.store.store import open_store
from tests.local_stack import Stack, deploy, local_stack
from tests.month.events import RENTED, Site, small_disk
from tests.month.findings import Outcome, read_outcome
from tests.month.plan import Month
from tests.month.stages import ARTIFACT_TYPE, SleepConfig, sleep, team_run
from tests.month.worker import TYPE, ThreadWorker
from tests.s3_server import serve_s3

TEAM = "team"
"""The pool whose runs are threads: scheduled flows, and the parents of trainings."""
LOOK_SECONDS = 3.0
MOST_IDLE_SECONDS = 600.0
"""Without a new artifact: what is missing then is lost."""


def run_month(month: Month, folder: Path) -> tuple[Outcome, list[dict[str, object]]]:
    """Run a month on servers and workers of its own.

    Args:
        month: What is asked for.
        folder: Empty; state, store, disk and traces.

    Returns:
        What it came to, and the events as they happened.
    """
    flows, trainings = work_of(month, folder / "traces")
    with _site(folder) as site:
        started = time.monotonic()
        _ask(flows, month.flow_hours_due(), f"sleep/{TEAM}", month)
        asked = _ask(trainings, month.training_hours_due(), f"team-run/{TEAM}", month)
        n_again = 0
        for hour, kind in month.events():
            n_again += _wait_until(started + hour * month.hour_seconds, asked)
            site.do(kind, month.outage_hours * month.hour_seconds)
        n_again += _wait_for(flows, trainings, asked)
        return read_outcome(flows, trainings, folder / "traces", n_again), site.happened


def work_of(month: Month, traces: Path) -> tuple[list[SleepConfig], list[SleepConfig]]:
    """Scheduled flows and trainings."""
    traces.mkdir(parents=True)
    hour = month.hour_seconds
    flows = [
        SleepConfig(name=f"flow-{number}", seconds=month.flow_hours * hour, traces=str(traces))
        for number in range(len(month.flow_hours_due()))
    ]
    trainings = [
        SleepConfig(
            name=f"training-{number}",
            seconds=month.training_hours * hour,
            n_units=month.states_per_training,
            traces=str(traces),
        )
        for number in range(month.n_trainings)
    ]
    return flows, trainings


@contextmanager
def _site(folder: Path) -> Iterator[Site]:
    """Store, server, workers and deployments, and this process as their client."""
    (folder / "s3").mkdir()
    with ExitStack() as opened:
        s3 = opened.enter_context(serve_s3(folder / "s3"))
        disk = opened.enter_context(small_disk(folder / "disk"))
        store = s3.environment() | {"HINDSIGHT_STORE": f"s3://{s3.bucket}/month"}
        stack = opened.enter_context(local_stack(folder / "state", store))
        opened.enter_context(temporary_settings(updates={PREFECT_API_URL: stack.api}))
        before = dict(os.environ)
        opened.callback(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ.update(store | {"HINDSIGHT_STATE": str(stack.state)})
        with get_client(sync_client=True) as client:
            template = ThreadWorker.get_default_base_job_template()
            client.create_work_pool(WorkPoolCreate(name=TEAM, type=TYPE, base_job_template=template))
        for flow in (sleep, team_run):
            deploy(flow, TEAM, pool=TEAM)
        deploy(sleep, RENTED, pool=RENTED, variables={"HINDSIGHT_STATE": str(disk)} if disk else {})
        opened.enter_context(_thread_worker(stack, folder))
        yield Site(stack, s3, disk)


@contextmanager
def _thread_worker(stack: Stack, folder: Path) -> Iterator[None]:
    environment = {**stack.environment(), "PREFECT_API_URL": stack.api, "HINDSIGHT_POOL": "cpu"}
    command = [sys.executable, "-m", "tests.month.worker", TEAM]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=project_root(), env=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _ask(work: Sequence[SleepConfig], hours: Iterable[float], deployment: str, month: Month) -> dict[UUID, SleepConfig]:
    """Create a run for each, due at its hour, as a scheduler does; by the run's id."""
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        return {
            client.create_flow_run_from_deployment(
                found.id,
                parameters={"config": config.model_dump()},
                state=Scheduled(scheduled_time=now + timedelta(seconds=hour * month.hour_seconds)),
                name=config.name,
            ).id: config
            for config, hour in zip(work, hours, strict=True)
        }


def _wait_until(due: float, asked: dict[UUID, SleepConfig]) -> int:
    """Wait, and ask again meanwhile for what failed."""
    n_again = 0
    while (left := due - time.monotonic()) > 0:
        time.sleep(min(LOOK_SECONDS, left))
        n_again += ask_again(asked)
    return n_again


def ask_again(asked: dict[UUID, SleepConfig]) -> int:
    """What a person does by the button Retry: parents that failed run once more; how many."""
    n_again = 0
    with suppress(httpx.HTTPError, PrefectHTTPStatusError), get_client(sync_client=True) as client:
        for run_id in asked:
            state = client.read_flow_run(run_id).state
            if state and (state.is_failed() or state.is_crashed()):
                client.set_flow_run_state(run_id, AwaitingRetry(), force=True)
                n_again += 1
    return n_again


def _wait_for(flows: list[SleepConfig], trainings: list[SleepConfig], asked: dict[UUID, SleepConfig]) -> int:
    """Wait until nothing is left to do: no parent is alive, and every artifact exists or nothing has moved for long."""
    n_again, idle_since = 0, time.monotonic()
    missing = {ARTIFACT_TYPE.spec(config).path for config in (*flows, *trainings)}
    store = open_store()
    while missing or _alive(asked):
        found = missing.intersection(record_paths(store, ARTIFACT_TYPE.kind))
        idle_since = time.monotonic() if found else idle_since
        missing -= found
        if time.monotonic() - idle_since > MOST_IDLE_SECONDS:
            break
        n_again += _wait_until(time.monotonic() + LOOK_SECONDS, asked)
    return n_again


def _alive(asked: dict[UUID, SleepConfig]) -> bool:
    with get_client(sync_client=True) as client:
        states = [client.read_flow_run(run_id).state for run_id in asked]
    return any(state is None or not state.is_final() for state in states)
