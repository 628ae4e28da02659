"""Run a stage as a deployment on its pool, so that a retry finds what is alive or done instead of starting it again.

The store is the only cache: it is asked before anything starts, and it alone says whether a finished run has succeeded.
"""

import logging
import time
from typing import cast

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from flows.runner.request import StageRequest, find, parent_id
from flows.runner.server_retry import patiently
from flows.runner.stage_lease import Watch
from flows.runner.tags import parent_tag
from tasks.common.errors import HindsightError
from tasks.store.rebuild import find_artifact
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store

log = logging.getLogger(__name__)

FIRST_POLL_SECONDS = 0.25
LAST_POLL_SECONDS = 2.0
"""A stage of seconds is seen to end at once, one of hours costs the server little."""
SAY_EVERY_SECONDS = 30.0
PREAMBLE = "Flow run encountered an exception: "
WAITING_STATES = {StateType.SCHEDULED, StateType.PENDING}


class StageFailed(HindsightError):
    """A stage's run ended without its artifact."""


def dispatch(request: StageRequest, store: Store) -> ArtifactRef:
    """Have the stage run unless its artifact stands, and wait for it.

    On a rented pool a lease stands meanwhile, and ends when a fresh client has read the artifact back; a stage that
    failed keeps its lease, for its machine may hold what can still be saved.

    Raises:
        StageFailed: If the run ended and the store holds no whole artifact.
        StoreError: If the store holds a damaged one.
    """
    watch = Watch(store, request.spec, request.deployment)
    if found := find(request, store):
        if watch.is_left_over():
            watch.prove(found)
        if not request.always:
            return found
    watch.beat()
    run = _run_to_its_end(request, watch)
    # An artifact of an earlier run must not hide that this one was refused.
    refused = request.always and not (run.state is not None and run.state.is_completed())
    if not refused and (found := find_artifact(store, request.spec, request.requested_by)):
        log.info("%s: done in %.0f s (%s)", request.step, run.total_run_time.total_seconds(), found.path)
        watch.prove(found)
        return found
    raise StageFailed(_why(request, run, store))


def _runs(client: SyncPrefectClient, request: StageRequest) -> list[FlowRun]:
    return client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[request.artifact_tag])))


def _run_to_its_end(request: StageRequest, watch: Watch) -> FlowRun:
    sent: list[FlowRun] = []

    def ask() -> FlowRun:
        with get_client(sync_client=True) as client:
            while True:
                # After an outage the run it had sent is looked at again, though it may have ended meanwhile.
                run = sent.pop() if sent else _live_run(client, request) or _start_watched(client, request, watch)
                sent.append(run)
                run = _wait(client, request, run, watch)
                if not _was_anothers(client, run):
                    return run
                log.info("%s: run %r ended with the parent that had sent it; it is sent again", request.step, run.name)
                sent.clear()

    return patiently(ask, request.step)


def _is_over(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_final()


def _live_run(client: SyncPrefectClient, request: StageRequest) -> FlowRun | None:
    # One that was sent for whichever artifact stands builds nothing for a run that asks for it anew.
    wanted = set(request.all_tags) - set(request.tags)
    live = [run for run in _runs(client, request) if not _is_over(run) and wanted <= set(run.tags)]
    if not live:
        return None
    log.info("%s: re-attached to run %r, which builds the same artifact", request.step, live[0].name)
    client.update_flow_run(live[0].id, tags=sorted({*live[0].tags, *_parent_tags()}))
    return live[0]


def _parent_tags() -> list[str]:
    own = parent_id()
    return [parent_tag(own)] if own else []


def _was_anothers(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Whether a run ended with another parent that owned it, though this one still wants its artifact."""
    if run.state is None or run.parent_task_run_id is None:
        return False
    owner_id = client.read_task_run(run.parent_task_run_id).flow_run_id
    if owner_id is None or owner_id == parent_id():
        return False
    owner = client.read_flow_run(owner_id).state
    if owner is None or owner.is_completed():
        return False
    # A run inside the owner's process ends with it; one of its own ends only by the server's cascade of a cancel.
    return (run.state.is_cancelled() and owner.is_cancelled()) or (run.state.is_crashed() and run.deployment_id is None)


def _start_watched(client: SyncPrefectClient, request: StageRequest, watch: Watch) -> FlowRun:
    try:
        return _start(client, request)
    except StageFailed:
        watch.nothing_was_sent()
        raise


def _start(client: SyncPrefectClient, request: StageRequest) -> FlowRun:
    # Two parents at the same moment count the same ended runs, hence name the same key, hence share one run.
    n_attempts = len(_runs(client, request))
    while True:
        run = _create(request, idempotency_key=f"{request.spec.path}:{request.requested_by}:{n_attempts}")
        if not _is_over(run):
            log.info("%s: sent to %s as run %r", request.step, request.deployment, run.name)
            return run
        n_attempts += 1  # an earlier attempt whose tag was removed


def _create(request: StageRequest, idempotency_key: str) -> FlowRun:
    try:
        run = run_deployment(
            request.deployment,
            parameters=request.parameters,
            flow_run_name=request.run_name,
            tags=[*request.all_tags, *_parent_tags()],
            idempotency_key=idempotency_key,
            timeout=0,
        )
        # Outside an event loop it has run; Prefect's signature covers both ways.
        return cast(FlowRun, run)
    except ObjectNotFound as error:
        raise StageFailed(
            f"{request.step} needs deployment {request.deployment}, which the server does not know; deploy what "
            "prefect.yaml describes by `HINDSIGHT_ROOT=$PWD prefect --no-prompt deploy --all`, or here by `make demo`."
        ) from error


def _wait(client: SyncPrefectClient, request: StageRequest, run: FlowRun, watch: Watch) -> FlowRun:
    pause, said_at = FIRST_POLL_SECONDS, time.monotonic()
    while not _is_over(run):
        time.sleep(pause)
        pause = min(LAST_POLL_SECONDS, 1.1 * pause)
        watch.beat()
        run = client.read_flow_run(run.id)
        if time.monotonic() - said_at >= SAY_EVERY_SECONDS:
            said_at = time.monotonic()
            log.info("%s: %s", request.step, _what_it_does(client, run))
    return run


def _what_it_does(client: SyncPrefectClient, run: FlowRun) -> str:
    if run.state is None or run.state.type not in WAITING_STATES or run.work_pool_name is None:
        state = run.state.type.value.lower() if run.state else "unknown"
        return f"{state} for {run.estimated_run_time.total_seconds():.0f} s"
    pool = client.read_work_pool(run.work_pool_name)
    limit = "no limit" if pool.concurrency_limit is None else f"limit {pool.concurrency_limit}"
    status = pool.status.value.lower() if pool.status else "unknown"
    return f"waits in pool {pool.name} ({limit}, pool is {status})"


def _why(request: StageRequest, run: FlowRun, store: Store) -> str:
    state = run.state
    if state is not None and state.is_completed():
        return (
            f"{request.step}: run {run.name!r} completed, yet {request.spec.path} is not in {store.url}; do this "
            f"process and the workers of {request.deployment} name the same store?"
        )
    return f"{request.step}: run {run.name!r} on {request.deployment} ended {ending_of(run)}"


def ending_of(run: FlowRun) -> str:
    """How a run ended, without Prefect's own preamble to an exception."""
    if run.state is None:
        return "without a state"
    return f"{run.state.name}: {(run.state.message or '').removeprefix(PREAMBLE)}"
