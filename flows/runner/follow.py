"""Trigger a deployment and print its progress in the terminal, a line per event, until it ends."""

import time
from datetime import UTC, datetime

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId, LogFilterTimestamp
from prefect.client.schemas.sorting import LogSort

from flows.server.flow_runs import (
    RunFailed,
    ending_of,
    is_completed,
    is_final,
    run_url,
    server_required,
    trigger,
)

POLL_SECONDS = 2.0
OUR_LOGGERS = ("flows", "tasks")


def follow(deployment: str) -> FlowRun:
    """Trigger a deployment, print its progress, and return its completed run.

    Raises:
        UnknownDeployment: If the server does not have it.
        RunFailed: If its run does not complete.
        NoServer: If no server answers.
    """
    with server_required():
        run = trigger(deployment, as_subflow=False)
    with get_client(sync_client=True) as client:
        print(f"{deployment}: run {run.name!r}, {run_url(run.id)}", flush=True)
        try:
            run = _print_until_final(client, run)
        except KeyboardInterrupt:
            print(f"\n{deployment}: the run goes on, {run_url(run.id)}; it can be cancelled there", flush=True)
            raise
    if not is_completed(run):
        raise RunFailed(f"{deployment} ended {ending_of(run)}")
    return run


def _print_until_final(client: SyncPrefectClient, run: FlowRun) -> FlowRun:
    started = time.monotonic()
    after = datetime.fromtimestamp(0, UTC)
    while True:
        run = client.read_flow_run(run.id)
        is_over = is_final(run)
        # A run sends its logs every two seconds: the last lines come later than its last state.
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
