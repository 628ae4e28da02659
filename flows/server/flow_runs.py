"""Flow runs on the Prefect server: trigger, re-attach, poll to the end, and read how they ended."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.context import FlowRunContext, TaskRunContext
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL

from tasks.common.errors import HindsightError
from tasks.common.retry import exponential, retry

T = TypeVar("T")

OUTAGE_SECONDS = 900.0
"""How long calls are retried while the server is away. A restart, its database included, takes minutes."""
FIRST_POLL_SECONDS = 0.25
LAST_POLL_SECONDS = 2.0
"""The end of a run of seconds is seen at once; polling a run of hours costs the server little."""
PREAMBLE = "Flow run encountered an exception: "


class UnknownDeployment(HindsightError):
    """The server has no deployment of this name."""


class RunFailed(HindsightError):
    """A run that was triggered did not complete, or left no result."""


class NoServer(HindsightError):
    """No Prefect server answers."""


def own_run_id() -> UUID | None:
    """The flow run this process or task belongs to; None outside of one."""
    context = FlowRunContext.get()
    if context and context.flow_run:
        return context.flow_run.id
    task_context = TaskRunContext.get()
    return task_context.task_run.flow_run_id if task_context else None


def retry_on_outage(call: Callable[[], T], what: str) -> T:
    """Call until the server answers.

    Prefect's client waits for a server it has spoken to, and gives up at once on one it has not; a server restart must
    not end a run that opens a connection meanwhile.

    Args:
        call: Safe to repeat.
        what: Named in the log.

    Raises:
        httpx.TransportError: If nothing answered for OUTAGE_SECONDS.
    """
    return retry(
        call,
        what,
        is_retryable=lambda error: isinstance(error, httpx.TransportError),
        wait=exponential(0.5, 10.0),
        max_seconds=OUTAGE_SECONDS,
        describe=lambda error: f"the server does not answer ({error})",
    )


@contextmanager
def server_required() -> Iterator[None]:
    """Turn a transport error into a sentence.

    Raises:
        NoServer: If no server answers.
    """
    address = PREFECT_API_URL.value()
    if not address:
        raise NoServer(
            "PREFECT_API_URL names no Prefect server; `hindsight up` starts one. Set the variable to its address, such "
            "as http://127.0.0.1:4200/api."
        )
    try:
        yield
    except httpx.TransportError as error:
        raise NoServer(
            f"no Prefect server answers at {address}; `hindsight up` starts one, PREFECT_API_URL names another."
        ) from error
    except PrefectHTTPStatusError as error:
        if error.response.status_code == 401:
            raise NoServer(
                f"{address} does not accept this user and password; set PREFECT_API_AUTH_STRING=user:password, or its "
                "line in the profile of PREFECT_PROFILES_PATH (for the local server HINDSIGHT_AUTH), to what the "
                "server was started with."
            ) from error
        raise NoServer(
            f"{address} answers HTTP {error.response.status_code}: it is not the API of a Prefect server, or refuses. "
            "PREFECT_API_URL names it, and ends with /api; HINDSIGHT_PORT names the local server's port."
        ) from error


def trigger(
    deployment: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    tags: Sequence[str] = (),
    idempotency_key: str | None = None,
    as_subflow: bool = True,
) -> FlowRun:
    """Start a run of a deployment and return at once.

    Raises:
        UnknownDeployment: If the server does not have it.
    """
    try:
        run = run_deployment(
            deployment,
            parameters=dict(parameters or {}),
            flow_run_name=name,
            tags=list(tags),
            idempotency_key=idempotency_key,
            timeout=0,
            as_subflow=as_subflow,
        )
    except ObjectNotFound as error:
        raise _unknown(deployment) from error
    # Prefect's signature covers its asynchronous use too; outside an event loop it returns the run.
    return cast(FlowRun, run)


def deployment_parameters(deployment: str) -> dict[str, Any]:
    """The parameters a deployment runs with by default.

    Raises:
        UnknownDeployment: If the server does not have it.
    """
    with get_client(sync_client=True) as client:
        try:
            return client.read_deployment_by_name(deployment).parameters
        except (ObjectNotFound, ValueError) as error:
            raise _unknown(deployment) from error


def runs_tagged(client: SyncPrefectClient, *tags: str) -> list[FlowRun]:
    """All runs that carry every one of these tags."""
    return read_all(client, FlowRunFilter(tags=FlowRunFilterTags(all_=list(tags))))


def read_all(client: SyncPrefectClient, wanted: FlowRunFilter) -> list[FlowRun]:
    """All runs a filter finds; the server answers in pages of 200."""
    runs: list[FlowRun] = []
    while page := client.read_flow_runs(flow_run_filter=wanted, offset=len(runs)):
        runs += page
    return runs


def start_or_share(
    client: SyncPrefectClient, tag: str, earlier: Sequence[FlowRun], key: str, start: Callable[[str], FlowRun]
) -> FlowRun:
    """Start a run such that callers who saw the same earlier runs share one, however late one of them is.

    Both count the same ended runs, hence pass the same idempotency key, hence get the same run.

    Args:
        client: Of the server.
        tag: On all attempts.
        earlier: The runs with this tag when the caller saw that it needs another.
        key: Start of the idempotency key.
        start: From an idempotency key to a run.

    Returns:
        The run; it may have ended already if another caller started it.
    """
    n_attempts = len(earlier)
    while is_final(run := start(f"{key}:{n_attempts}")):
        since = {each.id for each in runs_tagged(client, tag)} - {each.id for each in earlier}
        if run.id in since:
            break
        n_attempts += 1  # an earlier attempt whose tag was removed
    return run


def add_tags(client: SyncPrefectClient, run: FlowRun, tags: Collection[str]) -> None:
    """Put tags on a run unless it has them."""
    if set(tags) - set(run.tags):
        client.update_flow_run(run.id, tags=sorted({*run.tags, *tags}))


def wait_until_final(
    client: SyncPrefectClient, run: FlowRun, on_poll: Callable[[FlowRun], None] = lambda run: None
) -> FlowRun:
    """Poll a run until it has ended; `on_poll` gets each version of it."""
    pause = FIRST_POLL_SECONDS
    while not is_final(run):
        time.sleep(pause)
        pause = min(LAST_POLL_SECONDS, 1.1 * pause)
        run = _read(client, run)
        on_poll(run)
    return run


def _read(client: SyncPrefectClient, run: FlowRun) -> FlowRun:
    # Each poll has its own time for an outage, however long the run has been waited for.
    return retry_on_outage(lambda: client.read_flow_run(run.id), run.name)


def is_final(run: FlowRun) -> bool:
    """Whether a run has ended."""
    return run.state is not None and run.state.is_final()


def is_planned(run: FlowRun, now: datetime) -> bool:
    """Whether it is planned for later, as by a schedule."""
    due = run.expected_start_time
    return run.state is not None and run.state.is_scheduled() and due is not None and due > now


def is_completed(run: FlowRun) -> bool:
    """Whether a run has ended well."""
    return run.state is not None and run.state.is_completed()


def ending_of(run: FlowRun) -> str:
    """How a run ended, without Prefect's preamble to an exception."""
    if run.state is None:
        return "without a state"
    return f"{run.state.name}: {(run.state.message or '').removeprefix(PREAMBLE)}"


def reason_of_cancel(client: SyncPrefectClient, run: FlowRun) -> str:
    """What a cancelled run was cancelled for; the worker that ends it sets a state of its own, without the reason."""
    cancelling = [state for state in client.read_flow_run_states(run.id) if state.is_cancelling() and state.message]
    return (cancelling[-1].message or "") if cancelling else ""


def run_url(run_id: UUID) -> str:
    """Where the UI shows a run."""
    return f"{PREFECT_UI_URL.value()}/runs/flow-run/{run_id}"


def artifact_key(*parts: str) -> str:
    """A key of Prefect's artifacts, which allow letters, digits and dashes: `premium-smoke`."""
    return "-".join(parts).replace(".", "-").replace("_", "-").lower()


def _unknown(deployment: str) -> UnknownDeployment:
    return UnknownDeployment(
        f"the server has no deployment {deployment}; `prefect deployment ls` lists those it has. Deploy what "
        "prefect.yaml describes by `HINDSIGHT_ROOT=$PWD prefect --no-prompt deploy --all`, or here by `hindsight up`."
    )
