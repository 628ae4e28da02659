"""Trigger a deployment and tell in the terminal what happens, a line per event, until it ends."""

import time
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId, LogFilterTimestamp
from prefect.client.schemas.sorting import LogSort
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL

from flows.runner.dispatcher import ending_of
from flows.runner.inline import find_report
from tasks.common.errors import HindsightError
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Report
from tasks.store.store import open_store

POLL_SECONDS = 2.0
OUR_LOGGERS = ("flows", "tasks")


class RunFailed(HindsightError):
    """The run that was followed did not complete."""


def follow(deployment: str) -> Report | None:
    """Trigger a deployment, print its progress, and return its report; None for a flow that makes none.

    Raises:
        RunFailed: If the deployment is unknown or its run does not complete.
    """
    try:
        run = cast(FlowRun, run_deployment(deployment, timeout=0, as_subflow=False))
    except httpx.TransportError as error:
        raise RunFailed(
            f"no Prefect server answers at {PREFECT_API_URL.value()}; `make demo` starts one, PREFECT_API_URL names "
            "another."
        ) from error
    except ObjectNotFound as error:
        raise RunFailed(
            f"the server has no deployment {deployment}; `prefect deployment ls` lists those it has."
        ) from error
    with get_client(sync_client=True) as client:
        print(f"{deployment}: run {run.name!r}, {run_address(run.id)}", flush=True)
        run = _print_until_over(client, run)
    if run.state is None or not run.state.is_completed():
        raise RunFailed(f"{deployment} ended {ending_of(run)}")
    if "recipe" not in run.parameters:
        return None
    store = open_store()
    return Report(store.fetch(find_report(Recipe.model_validate(run.parameters["recipe"]), store)))


def run_address(run_id: UUID) -> str:
    """Where the UI shows a run."""
    return f"{PREFECT_UI_URL.value()}/runs/flow-run/{run_id}"


def _print_until_over(client: SyncPrefectClient, run: FlowRun) -> FlowRun:
    started = time.monotonic()
    after = datetime.fromtimestamp(0, UTC)
    while True:
        run = client.read_flow_run(run.id)
        is_over = run.state is not None and run.state.is_final()
        # A run hands its logs over every two seconds: the last lines come later than its last state.
        time.sleep(2 * POLL_SECONDS if is_over else POLL_SECONDS)
        lines = client.read_logs(
            log_filter=LogFilter(
                flow_run_id=LogFilterFlowRunId(any_=[run.id]), timestamp=LogFilterTimestamp(after_=after)
            ),
            sort=LogSort.TIMESTAMP_ASC,
        )
        for line in lines:
            if line.timestamp > after and line.name.split(".")[0] in OUR_LOGGERS:
                print(f"{time.monotonic() - started:6.0f} s  {line.message}", flush=True)
        after = max([after, *(line.timestamp for line in lines)])
        if is_over:
            return run
